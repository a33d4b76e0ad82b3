import { withoutSequences } from '../terminals/plain-text.ts'

/** The output in an asciicast as plain text, without colours. Of an overwritten line, only the last version remains. */
export function castText(cast: string): string {
  const [, ...events] = cast.split('\n')
  const written = events.flatMap(line => {
    if (line === '') return []
    const [, code, data] = JSON.parse(line) as [number, string, string]
    return code === 'o' ? [data] : []
  })
  const lines = written.join('').replace(/\r+\n/g, '\n').split('\n')
  return lines.map(line => withoutSequences(lastOf(line.split('\r')))).join('\n')
}

const lastOf = (parts: readonly string[]): string => parts.findLast(part => withoutSequences(part) !== '') ?? ''
