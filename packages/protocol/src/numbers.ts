/** Error message for a number that is too large. */
export const TOO_LARGE_NUMBER = 'a number too large to represent (over 1.8e308)'

/**
 * Finds a number that is too large for a double and returns its JSON pointer, or undefined if there is none. JSON can
 * contain such a number (`1e400`), but JavaScript reads it as Infinity and writes null. The depth of the value must be
 * bounded: see isDeeper.
 */
export function findTooLarge(value: unknown): string | undefined {
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return ''
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const path = findTooLarge(value[i])
      if (path !== undefined) return `/${i}${path}`
    }
    return undefined
  }
  // Every frame passes here, and most members are strings: `for in` and skipping strings cut the time to a third.
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key]
    if (typeof member === 'string') continue
    const path = findTooLarge(member)
    if (path !== undefined) return `/${key}${path}`
  }
  return undefined
}
