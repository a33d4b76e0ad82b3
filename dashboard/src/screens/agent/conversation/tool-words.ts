/** A value on one line, for a collapsed row. */
export function asLine(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return oneLine(value)
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return oneLine(JSON.stringify(value))
  return oneLine(
    Object.entries(value)
      .map(([key, field]) => `${key}: ${typeof field === 'string' ? field : JSON.stringify(field)}`)
      .join(', '),
  )
}

/** A whole value, formatted for reading. */
export const asBlock = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2))

const LONGEST_LINE = 200
const oneLine = (text: string): string =>
  text
    .slice(0, 4 * LONGEST_LINE)
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, LONGEST_LINE)
