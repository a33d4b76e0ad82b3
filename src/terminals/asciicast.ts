import type { Moment } from './timeline.ts'

type Code = 'o' | 'r' | 'm' | 'x'

/** The content of a recording. Plain data, since another thread encodes it. */
export interface Cast {
  title: string
  /** The output from byte `oldest` on. */
  bytes: Uint8Array
  oldest: number
  first: { cols: number; rows: number; at: number }
  marks: Moment[]
  resizes: { offset: number; at: number; cols: number; rows: number }[]
  exitCode?: number | undefined
}

/**
 * The kept output as asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/): a header, then one event per line
 * with the seconds since the previous event. A marker at the start says how many earlier bytes are missing.
 */
export function asciicast({ title, bytes, oldest, first, marks, resizes, exitCode }: Cast): string {
  const end = oldest + bytes.length
  const startedAt = marks.find(mark => mark.offset >= oldest)?.at ?? first.at
  const lines = [
    JSON.stringify({
      version: 3,
      term: { cols: first.cols, rows: first.rows, type: 'xterm-256color' },
      timestamp: Math.floor(startedAt / 1000),
      title,
    }),
  ]
  let lastAt = startedAt
  const add = (at: number, code: Code, data: string) => {
    const seconds = Math.max(0, at - lastAt) / 1000
    lastAt = Math.max(lastAt, at)
    lines.push(JSON.stringify([seconds, code, data]))
  }
  // A character may be split between two chunks. The decoder keeps its first part until the rest arrives.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let from = oldest
  const addOutput = (to: number, at: number) => {
    const text = decoder.decode(bytes.subarray(from - oldest, to - oldest), { stream: true })
    from = to
    if (text !== '') add(at, 'o', text)
  }

  if (oldest > 0) add(startedAt, 'm', `${oldest} earlier bytes were not kept`)
  const changes = [
    ...marks.map(mark => ({ ...mark, size: undefined })),
    ...resizes.map(({ offset, at, cols, rows }) => ({ offset, at, size: `${cols}x${rows}` })),
  ].sort((a, b) => a.offset - b.offset || a.at - b.at)
  let at = startedAt
  for (const change of changes) {
    if (change.offset > from) addOutput(change.offset, at)
    at = change.at
    if (change.size) add(at, 'r', change.size)
  }
  if (end > from) addOutput(end, at)
  if (exitCode !== undefined) add(at, 'x', String(exitCode))
  return `${lines.join('\n')}\n`
}
