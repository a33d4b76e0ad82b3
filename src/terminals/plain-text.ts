const [ESC, BEL] = ['\x1b', '\x07']
/** Control sequences and control strings, including one that is truncated at the end. */
const SEQUENCES = new RegExp(
  [
    `(?:${ESC}\\[|\x9b)[0-?]*[ -/]*[@-~]?`,
    `(?:${ESC}[\\]PX^_]|[\x90\x98\x9d-\x9f])[^${BEL}${ESC}\x9c]*(?:${BEL}|${ESC}\\\\|\x9c)?`,
    `${ESC}[ -/]*[0-~]?`,
  ].join('|'),
  'g',
)
const CONTROLS = /[^\n\P{Cc}]/gu
/** So many combining marks on one character only serve to slow down drawing. */
const MARKS = /[\p{M}\p{Cf}]{9,}/gu

/** Text without control sequences and control characters, except line feeds. */
export const withoutSequences = (text: string): string =>
  text.replace(SEQUENCES, '').replace(CONTROLS, '').replace(MARKS, '')

/** The last lines of a terminal's output as plain text, at most one screen. */
export function plainText(bytes: Uint8Array, { cols, rows }: { cols: number; rows: number }): string {
  const text = withoutSequences(new TextDecoder().decode(bytes))
  const lines = text.split('\n').slice(-rows)
  return lines.map(line => line.slice(0, cols)).join('\r\n')
}
