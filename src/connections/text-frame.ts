const TEXT_FIN = 0x81

/** One whole unmasked WebSocket text frame, header and payload in one buffer (RFC 6455 §5.2). */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(headerBytes + length)
  frame[0] = TEXT_FIN
  if (headerBytes === 2) frame[1] = length
  else if (headerBytes === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.write(text, headerBytes)
  return frame
}

/** The payloads of frames made by `textFrame`, for a transport that does its own framing. */
export function* textsOf(frames: Buffer): Generator<Buffer> {
  for (let at = 0; at < frames.length; ) {
    const short = frames[at + 1]!
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10)
    const length =
      short < 126 ? short : short === 126 ? frames.readUInt16BE(at + 2) : Number(frames.readBigUInt64BE(at + 2))
    yield frames.subarray(start, start + length)
    at = start + length
  }
}
