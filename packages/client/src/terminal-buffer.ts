import { VtScanner } from '@fleetwire/protocol'
import { fromBase64 } from './base64.ts'

export interface TerminalChunk {
  offset: number
  data: string
  encoding: 'utf8' | 'base64'
  /** Bytes that are permanently lost. */
  gap?: { from: number; to: number } | undefined
}

export type TerminalStep =
  /** `bytes` continue at `offset`; `gap`: the bytes before it that the server reports as lost. */
  | { kind: 'bytes'; offset: number; bytes: Uint8Array; gap?: { from: number; to: number } }
  /** The whole chunk was received before. */
  | { kind: 'known' }
  /** Bytes are missing and no gap explains it: request a snapshot. */
  | { kind: 'hole'; from: number; to: number }

const encoder = new TextEncoder()

export interface TerminalBufferOptions {
  /** Leaves the bytes as the program wrote them: for a file or a pipe, not for a terminal. */
  raw?: boolean | undefined
}

/**
 * Orders terminal output by byte offset: each byte is passed on once, and none is skipped silently.
 *
 * Queries to the terminal are neutralised, because otherwise every viewer's terminal would type a response; so are
 * numeric parameters that would keep a terminal busy for hours. The number of bytes does not change.
 */
export class TerminalBuffer {
  #end: number
  #answersFrom = Number.POSITIVE_INFINITY
  readonly #scanner: VtScanner | undefined

  constructor(offset = 0, { raw }: TerminalBufferOptions = {}) {
    this.#end = offset
    if (raw) return
    this.#scanner = new VtScanner(offset, {
      limitStringBytes: Number.POSITIVE_INFINITY,
      swallows: place => place <= this.#answersFrom,
    })
  }

  /** Offset after the last byte. */
  get end(): number {
    return this.#end
  }

  /** Continues at `offset`, after a snapshot. */
  reset(offset: number): void {
    this.#end = offset
    this.#scanner?.jump(offset)
  }

  /** Queries that end after this offset stay unchanged, for this viewer's terminal to answer. */
  answerFrom(offset = Number.POSITIVE_INFINITY): void {
    this.#answersFrom = offset
  }

  push(chunk: TerminalChunk): TerminalStep {
    const bytes = chunk.encoding === 'utf8' ? encoder.encode(chunk.data) : fromBase64(chunk.data)
    const until = chunk.offset + bytes.length
    const isExplained = chunk.gap !== undefined && chunk.gap.from <= this.#end && chunk.gap.to >= chunk.offset
    if (chunk.offset > this.#end && !isExplained) return { kind: 'hole', from: this.#end, to: chunk.offset }
    if (until <= this.#end) return { kind: 'known' }
    const offset = Math.max(chunk.offset, this.#end)
    const gap = offset > this.#end ? { gap: { from: this.#end, to: offset } } : {}
    if (offset > this.#end) this.#scanner?.jump(offset)
    this.#end = until
    const fresh = bytes.subarray(offset - chunk.offset)
    this.#scanner?.push(fresh)
    return { kind: 'bytes', offset, bytes: fresh, ...gap }
  }
}
