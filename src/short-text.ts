/** The start of a text: at most `most` UTF-16 units, without splitting a surrogate pair. */
export const clip = (text: string, most: number): string => text.slice(0, most).replace(/[\ud800-\udbff]$/, '')

/** The text, or its start with an ellipsis: at most `most` UTF-16 units, including the ellipsis. */
export const shortText = (text: string, most: number): string =>
  text.length <= most ? text : `${clip(text, most - 1)}…`
