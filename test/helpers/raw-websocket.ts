import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'

/** Builds a client frame by hand: any opcode and flags, masked by default. */
export function clientFrame(
  payload: string | Buffer,
  { opcode = 1, fin = true, masked = true, rsv1 = false, length = Buffer.byteLength(payload) } = {},
): Buffer {
  const data = Buffer.from(payload)
  const head = [(fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode]
  const mask = masked ? 0x80 : 0
  if (length < 126) head.push(mask | length)
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 0xff)
  else {
    const long = Buffer.alloc(8)
    long.writeBigUInt64BE(BigInt(length))
    head.push(mask | 127, ...long)
  }
  const key = masked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0)
  const body = masked ? Buffer.from(data.map((byte, i) => byte ^ key[i % 4]!)) : data
  return Buffer.concat([Buffer.from(head), key, body])
}

/** An upgraded socket without a WebSocket library, like an attacker or a frozen peer. */
export async function rawWebSocket(
  t: Test,
  url: string,
  token: string,
  { path = '/ws', extensions = '' } = {},
): Promise<Socket> {
  const { hostname, port } = new URL(url)
  // Half-open, so that the peer decides when to close its side, like a hostile one.
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer ${token}\r\n` +
      `${extensions && `Sec-WebSocket-Extensions: ${extensions}\r\n`}` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  const [head] = await once(socket, 'data')
  if (!String(head).startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${String(head).split('\r\n', 1)[0]}`)
  return socket
}

/** Reads until the server's close frame; resolves with its code, if there is one. The socket stays open. */
export async function closeCodeOf(socket: Socket): Promise<number | undefined> {
  let received = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received = Buffer.concat([received, chunk])
    const code = closeCodeIn(received)
    if (code !== undefined) return code
  }
  return undefined
}

function closeCodeIn(received: Buffer): number | undefined {
  for (let at = 0; at + 1 < received.length; ) {
    const short = received[at + 1]!
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10)
    if (start + 2 > received.length) return undefined
    if ((received[at]! & 0x0f) === 8) return received.readUInt16BE(start)
    const length =
      short < 126 ? short : short === 126 ? received.readUInt16BE(at + 2) : Number(received.readBigUInt64BE(at + 2))
    at = start + length
  }
  return undefined
}
