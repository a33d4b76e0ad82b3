const encoder = new TextEncoder()

/** How many bytes a text is in UTF-8. */
export const bytesOf = (text: string): number => encoder.encode(text).length
