const TEXT = 0x01
const FIN = 0x80
const TEXT_FIN = TEXT | FIN
/** RFC 7692 §6: the payload of this message is compressed. */
const RSV1 = 0x40

/**
 * A buffer that starts with the header of one unmasked WebSocket frame (RFC 6455 §5.2), and the offset of its payload.
 */
function headed(first: number, length: number): { frame: Buffer; at: number } {
  const at = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(at + length)
  frame[0] = first
  if (at === 2) frame[1] = length
  else if (at === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  return { frame, at }
}

/** An empty unmasked WebSocket text frame: its payload of `length` bytes begins at `at`, and the caller fills it in. */
export const emptyTextFrame = (length: number): { frame: Buffer; at: number } => headed(TEXT_FIN, length)

/** One whole unmasked WebSocket text frame: header and payload in one buffer. */
export function textFrame(text: string): Buffer {
  const { frame, at } = headed(TEXT_FIN, Buffer.byteLength(text))
  frame.write(text, at)
  return frame
}

/** One fragment of a text message, as a whole frame. */
export function textFragment(part: Buffer, first: boolean, last: boolean): Buffer {
  const { frame, at } = headed((last ? FIN : 0) | (first ? TEXT : 0), part.length)
  part.copy(frame, at)
  return frame
}

/** Like `textFrame`, for a text that was deflated for permessage-deflate. */
export function deflatedFrame(deflated: Buffer): Buffer {
  const { frame, at } = headed(TEXT_FIN | RSV1, deflated.length)
  deflated.copy(frame, at)
  return frame
}

export interface SplitFrame {
  /** The frame with its header. */
  frame: Buffer
  /** The payload. */
  text: Buffer
  /** The message ends with this frame. */
  fin: boolean
  deflated: boolean
}

/** Splits frames that this module made. */
export function* framesIn(frames: Buffer): Generator<SplitFrame> {
  for (let at = 0; at < frames.length; ) {
    const first = frames[at]!
    const short = frames[at + 1]!
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10)
    const length =
      short < 126 ? short : short === 126 ? frames.readUInt16BE(at + 2) : Number(frames.readBigUInt64BE(at + 2))
    const end = start + length
    yield {
      frame: frames.subarray(at, end),
      text: frames.subarray(start, end),
      fin: first >= FIN,
      deflated: (first & RSV1) !== 0,
    }
    at = end
  }
}
