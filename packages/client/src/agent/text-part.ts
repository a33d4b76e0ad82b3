const HIGH_SURROGATE = /[\ud800-\udbff]$/

/** Is the last unit the first half of a pair? */
export const endsInHalf = (text: string): boolean => HIGH_SURROGATE.test(text.slice(-1))

/** The beginning of a text, of at most so many units (but always something), not cut through a pair. */
export function textPart(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const part = text.slice(0, Math.max(2, maxChars))
  return endsInHalf(part) ? part.slice(0, -1) : part
}
