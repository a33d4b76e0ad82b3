import { withoutSequences } from '../terminals/plain-text.ts'

/** Of a line of people's or programs' text; a pair of surrogates is not cut apart. */
export const clip = (line: string, most: number): string => line.slice(0, most).replace(/[\ud800-\udbff]$/, '')

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
