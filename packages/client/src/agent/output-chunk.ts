import { toBase64 } from '../base64.ts'

export interface OutputChunk {
  offset: number
  data: string
  encoding: 'utf8' | 'base64'
}

// `ignoreBOM` keeps a byte order mark in the output; otherwise three bytes would be missing from the offsets.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const LONGEST_CHARACTER = 4

/** How many bytes at the end belong to an incomplete character. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back < LONGEST_CHARACTER && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte < 0xc0) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return back < length ? back : 0
  }
  return 0
}

/**
 * Encodes whole characters as text, which is readable and a quarter smaller than base64; other bytes as base64. A
 * character that is cut off at the end is left for the next chunk, unless there is nothing else.
 */
export function encodeOutput(offset: number, bytes: Uint8Array): { chunk: OutputChunk; length: number } {
  const whole = bytes.subarray(0, bytes.length - incompleteTail(bytes))
  try {
    if (whole.length > 0) {
      return { chunk: { offset, data: strict.decode(whole), encoding: 'utf8' }, length: whole.length }
    }
  } catch {
    // Not UTF-8: sent as base64.
  }
  return { chunk: { offset, data: toBase64(bytes), encoding: 'base64' }, length: bytes.length }
}
