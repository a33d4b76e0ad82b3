/** The beginning of a text, of at most so many UTF-16 units; a pair of surrogates is not cut apart. */
export const clip = (text: string, most: number): string => text.slice(0, most).replace(/[\ud800-\udbff]$/, '')

/** The text, or its beginning with a mark that it is cut; at most so many UTF-16 units with the mark. */
export const shortText = (text: string, most: number): string =>
  text.length <= most ? text : `${clip(text, most - 1)}…`
