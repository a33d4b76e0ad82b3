import { toBase64 } from '../base64.ts'

export interface OutputChunk {
  offset: number
  data: string
  encoding: 'utf8' | 'base64'
}

// `ignoreBOM`: a byte order mark is output like any other; otherwise three bytes would be missing from the offsets.
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
 * Text if the bytes are whole characters, since that is a third smaller and readable; otherwise base64. A character
 * that is cut at the end is left for the next chunk, unless it is all there is.
 */
export function encodeOutput(offset: number, bytes: Uint8Array): { chunk: OutputChunk; length: number } {
  const whole = bytes.subarray(0, bytes.length - incompleteTail(bytes))
  try {
    if (whole.length > 0) {
      return { chunk: { offset, data: strict.decode(whole), encoding: 'utf8' }, length: whole.length }
    }
  } catch {
    // Not UTF-8: sent as raw bytes.
  }
  return { chunk: { offset, data: toBase64(bytes), encoding: 'base64' }, length: bytes.length }
}
