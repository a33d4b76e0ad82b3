import { clip } from '../short-text.ts'
import { withoutSequences } from '../terminals/plain-text.ts'

/** The first line that is not blank. */
export const firstLine = (text: string, most: number): string => clip(linesOf(text)[0] ?? '', most)

/** The last line that is not blank; undefined if there is none. Of a line that was redrawn, the last version counts. */
export function lastLine(text: string, most: number): string | undefined {
  const line = linesOf(text).at(-1)
  return line === undefined ? undefined : clip(line, most)
}

const linesOf = (text: string): string[] =>
  withoutSequences(text.replaceAll('\r', '\n'))
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
