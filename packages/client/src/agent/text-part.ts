const HIGH_SURROGATE = /[\ud800-\udbff]$/

/** Whether the text ends with the first half of a surrogate pair. */
export const endsInHalf = (text: string): boolean => HIGH_SURROGATE.test(text.slice(-1))

/** The beginning of a text: at most `maxChars` code units, never empty, and not cut within a surrogate pair. */
export function textPart(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const part = text.slice(0, Math.max(2, maxChars))
  return endsInHalf(part) ? part.slice(0, -1) : part
}
