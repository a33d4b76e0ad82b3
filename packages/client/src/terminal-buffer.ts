import { fromBase64 } from './base64.ts'

export interface TerminalChunk {
  offset: number
  data: string
  encoding: 'utf8' | 'base64'
  /** Bytes that are gone for good. */
  gap?: { from: number; to: number } | undefined
}

export type TerminalStep =
  /** `bytes` go on at `offset`; `gap`: the server says that these are gone. */
  | { kind: 'bytes'; offset: number; bytes: Uint8Array; gap?: { from: number; to: number } }
  /** All of it was there before. */
  | { kind: 'known' }
  /** Bytes are missing and nobody says that they are gone: ask for a snapshot. */
  | { kind: 'hole'; from: number; to: number }

const encoder = new TextEncoder()

/** Puts terminal output in order by its byte offsets: each byte once, none skipped in silence. */
export class TerminalBuffer {
  #end: number

  constructor(offset = 0) {
    this.#end = offset
  }

  /** Offset after the last byte. */
  get end(): number {
    return this.#end
  }

  /** Continues at `offset`, after a snapshot. */
  reset(offset: number): void {
    this.#end = offset
  }

  push(chunk: TerminalChunk): TerminalStep {
    const bytes = chunk.encoding === 'utf8' ? encoder.encode(chunk.data) : fromBase64(chunk.data)
    const until = chunk.offset + bytes.length
    const isExplained = chunk.gap !== undefined && chunk.gap.from <= this.#end && chunk.gap.to >= chunk.offset
    if (chunk.offset > this.#end && !isExplained) return { kind: 'hole', from: this.#end, to: chunk.offset }
    if (until <= this.#end) return { kind: 'known' }
    const offset = Math.max(chunk.offset, this.#end)
    const gap = offset > this.#end ? { gap: { from: this.#end, to: offset } } : {}
    this.#end = until
    return { kind: 'bytes', offset, bytes: bytes.subarray(offset - chunk.offset), ...gap }
  }
}
