const ESC = '\u001b'

/** Matches an escape sequence; captures its parameters and final character. */
const SEQUENCE = new RegExp(
  `^${ESC}(?:\\[(?<params>[0-?]*)[ -/]*(?<final>[@-~])|[\\]P^_X][^\\u0007${ESC}]*(?:\\u0007|${ESC}\\\\)|[ -/]*[0-~])`,
)

/** Larger positions are clamped: no real screen is larger. */
const MAX_ROWS = 1000
const MAX_COLS = 1000

/**
 * The lines of a drawn screen as plain text. Supports only what the server draws screens with (text, line ends, cursor
 * moves, erasing, the alternate buffer); a program's own output can contain more.
 */
export function screenLines(screen: string): string[] {
  let rows: string[][] = [[]]
  let x = 0
  let y = 0
  const go = (row: number, column: number) => {
    y = Math.min(MAX_ROWS - 1, Math.max(0, row))
    x = Math.min(MAX_COLS - 1, Math.max(0, column))
    while (rows.length <= y) rows.push([])
  }
  const put = (char: string) => {
    const row = rows[y]!
    while (row.length < x) row.push(' ')
    row[x] = char
    go(y, x + 1)
  }
  const control = (final: string, params: string) => {
    const numbers = params.split(';').map(Number)
    const n = Math.min(MAX_COLS, numbers[0] || 1)
    if (final === 'C') go(y, x + n)
    else if (final === 'D') go(y, x - n)
    else if (final === 'A') go(y - n, x)
    else if (final === 'B') go(y + n, x)
    else if (final === 'G') go(y, n - 1)
    else if (final === 'H') go(n - 1, (numbers[1] || 1) - 1)
    else if (final === 'X') rows[y]!.fill(' ', x, x + n)
    else if (final === 'K' && !numbers[0]) rows[y]!.length = Math.min(rows[y]!.length, x)
    else if (final === 'h' && params === '?1049') {
      rows = [[]]
      go(0, 0)
    }
  }
  for (let i = 0; i < screen.length; ) {
    const char = String.fromCodePoint(screen.codePointAt(i)!)
    if (char === ESC) {
      // Sequences are short: do not search the whole rest of a long text for each of them.
      const found = SEQUENCE.exec(screen.slice(i, i + 4096))
      i += found?.[0].length ?? 1
      if (found?.groups?.final !== undefined) control(found.groups.final, found.groups.params ?? '')
      continue
    }
    i += char.length
    if (char === '\n') go(y + 1, x)
    else if (char === '\r') go(y, 0)
    else if (char === '\b') go(y, x - 1)
    else if (char === '\t') go(y, (Math.floor(x / 8) + 1) * 8)
    else if (char >= ' ' && char !== '\u007f') put(char)
  }
  const lines = rows.map(row =>
    Array.from(row, char => char ?? ' ')
      .join('')
      .trimEnd(),
  )
  while (lines.length > 0 && lines.at(-1) === '') lines.pop()
  return lines
}
