export const printJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

/** Columns as wide as their widest cell. */
export function printTable(head: string[], rows: string[][]): void {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]?.length ?? 0)))
  for (const row of [head, ...rows]) {
    process.stdout.write(
      `${row
        .map((cell, i) => printable(cell).padEnd(widths[i]!))
        .join('  ')
        .trimEnd()}\n`,
    )
  }
}

/** What agents and people wrote must not steer the reader's terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
export const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')

/** How long ago a moment was: `4 s ago`. */
export function since(at: number, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`
}
