/**
 * A position in the stream of a run: after its frame `n`, counted from 1. With `ahead`: before the next frame, after
 * that many of the catch-up frames that a joining client gets.
 */
export interface FramePlace {
  n: number
  ahead?: number
}

const PLAIN = /^[\x21-\x7e]+$/
const PLACE = /^(.*):(\d{1,15})(?:\.(\d{1,6}))?$/s

/** Clients send an id back in a header, and headers carry plain characters only. */
const named = (runId: string): string => (PLAIN.test(runId) ? runId : encodeURIComponent(runId))

/** `<runId>:<n>`, or `<runId>:<n>.<ahead>`. */
export function formatFrameId(runId: string, { n, ahead }: FramePlace): string {
  return `${named(runId)}:${n}${ahead === undefined ? '' : `.${ahead}`}`
}

/** Parses a frame id; undefined if it is malformed or belongs to another run. */
export function parseFrameId(runId: string, id: string): FramePlace | undefined {
  const match = PLACE.exec(id)
  if (match === null || (match[1] !== named(runId) && match[1] !== runId)) return undefined
  return { n: Number(match[2]), ...(match[3] !== undefined && { ahead: Number(match[3]) }) }
}
