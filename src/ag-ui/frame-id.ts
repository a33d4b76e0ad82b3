/**
 * A place in the stream of a run: after its frame `n`, counted from 1. With `ahead`: before the next frame, after that
 * many of the frames that tell a client that joins what it missed.
 */
export interface FramePlace {
  n: number
  ahead?: number
}

const PLAIN = /^[\x21-\x7e]+$/
const PLACE = /^(.*):(\d{1,15})(?:\.(\d{1,6}))?$/s

/** Headers carry plain characters only, and an id comes back in one. */
const named = (runId: string): string => (PLAIN.test(runId) ? runId : encodeURIComponent(runId))

/** `<runId>:<n>`, or `<runId>:<n>.<ahead>`. */
export function formatFrameId(runId: string, { n, ahead }: FramePlace): string {
  return `${named(runId)}:${n}${ahead === undefined ? '' : `.${ahead}`}`
}

/** The place that an id names; undefined for an id of another run, and for what is none. */
export function parseFrameId(runId: string, id: string): FramePlace | undefined {
  const match = PLACE.exec(id)
  if (match === null || (match[1] !== named(runId) && match[1] !== runId)) return undefined
  return { n: Number(match[2]), ...(match[3] !== undefined && { ahead: Number(match[3]) }) }
}
