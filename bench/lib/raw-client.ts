import { randomBytes } from 'node:crypto'

/** Counts complete WebSocket frames in chunks that may be split anywhere. */
export class FrameCounter {
  count = 0
  #rest: Buffer = Buffer.alloc(0)

  add(chunk: Buffer, onFrame?: (payload: Buffer) => void): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      if (data.length < 2) break
      const short = data[1]! & 127
      const head = short < 126 ? 2 : short === 126 ? 4 : 10
      if (data.length < head) break
      const length = short < 126 ? short : short === 126 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2))
      if (data.length < head + length) break
      this.count++
      onFrame?.(data.subarray(head, head + length))
      data = data.subarray(head + length)
    }
    this.#rest = data
  }
}

/** A masked text frame of less than 64 KiB. Clients must mask their frames. */
export function maskedFrame(text: string): Buffer {
  const body = Buffer.from(text)
  const head =
    body.length < 126
      ? Buffer.from([0x81, 0x80 | body.length])
      : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255])
  const mask = randomBytes(4)
  for (let i = 0; i < body.length; i++) body[i]! ^= mask[i % 4]!
  return Buffer.concat([head, mask, body])
}

/** The request that opens a WebSocket. */
export const upgradeRequest = (path: string, token?: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n${token === undefined ? '' : `Authorization: Bearer ${token}\r\n`}\r\n`
