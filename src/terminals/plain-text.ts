const [ESC, BEL] = ['\x1b', '\x07']
/** Control sequences and strings, also one that is cut at the end. */
const SEQUENCES = new RegExp(
  [
    `(?:${ESC}\\[|\x9b)[0-?]*[ -/]*[@-~]?`,
    `(?:${ESC}[\\]PX^_]|[\x90\x98\x9d-\x9f])[^${BEL}${ESC}\x9c]*(?:${BEL}|${ESC}\\\\|\x9c)?`,
    `${ESC}[ -/]*[0-~]?`,
  ].join('|'),
  'g',
)
const CONTROLS = /[^\n\P{Cc}]/gu
/** A character with so many marks is one that somebody made to be slow. */
const MARKS = /[\p{M}\p{Cf}]{9,}/gu

/** The last lines of a terminal's output as text that moves no cursor and colours nothing: at most a screen of it. */
export function plainText(bytes: Uint8Array, { cols, rows }: { cols: number; rows: number }): string {
  const text = new TextDecoder().decode(bytes).replace(SEQUENCES, '').replace(CONTROLS, '').replace(MARKS, '')
  const lines = text.split('\n').slice(-rows)
  return lines.map(line => line.slice(0, cols)).join('\r\n')
}
