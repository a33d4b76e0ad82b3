import { clip } from '../short-text.ts'
import { withoutSequences } from '../terminals/plain-text.ts'

/** The first line that says something. */
export const firstLine = (text: string, most: number): string => clip(linesOf(text)[0] ?? '', most)

/** The last line that says something; undefined where none does. A line that was drawn over counts as drawn last. */
export function lastLine(text: string, most: number): string | undefined {
  const line = linesOf(text).at(-1)
  return line === undefined ? undefined : clip(line, most)
}

const linesOf = (text: string): string[] =>
  withoutSequences(text.replaceAll('\r', '\n'))
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
