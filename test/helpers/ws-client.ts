import { frameLines } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { WebSocket } from 'ws'

export interface WireFrame {
  type: string
  id?: string
  topic?: string
  cursor?: string
  // biome-ignore lint/suspicious/noExplicitAny: tests inspect payloads of every type
  payload: any
}

type Fits = string | ((frame: WireFrame) => boolean)

/** A client of `/ws` or `/agent` that keeps every frame and lets a test wait for the next matching one. */
export class WsClient {
  readonly frames: WireFrame[] = []
  /** The text messages that contained the frames. */
  readonly messages: string[] = []
  /** Resolves with the close code. */
  readonly closed: Promise<number>
  readonly socket: WebSocket
  #looked = 0
  #look = () => {}

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', data => {
      const text = String(data)
      this.messages.push(text)
      for (const line of frameLines(text)) this.frames.push(JSON.parse(line))
      this.#look()
    })
    socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      socket.on('close', code => resolve(code))
    })
  }

  send(type: string, payload: unknown = {}, id?: string): void {
    this.raw(JSON.stringify({ type, payload, id }))
  }

  raw(data: string | Buffer): void {
    this.socket.send(data)
  }

  /** Resolves with the next matching frame, after those that earlier calls have consumed. */
  async next(fits: Fits): Promise<WireFrame> {
    const isIt = typeof fits === 'string' ? ({ type }: WireFrame) => type === fits : fits
    for (;;) {
      while (this.#looked < this.frames.length) {
        const frame = this.frames[this.#looked++]!
        if (isIt(frame)) return frame
      }
      await new Promise<void>((resolve, reject) => {
        this.#look = resolve
        this.closed.then(code => reject(new Error(`closed ${code} while waiting for ${fits}`)))
      })
    }
  }

  /** Sends a request, and resolves with the payload of the reply. */
  async request(type: string, payload: unknown = {}): Promise<WireFrame['payload']> {
    const id = `r${this.frames.length}_${Math.random().toString(36).slice(2, 8)}`
    this.send(type, payload, id)
    return (await this.next(frame => frame.id === id)).payload
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}

/** Connects, and waits for the greeting. The client is closed when the test ends. */
export async function connectWs(
  t: Test,
  url: string,
  token: string,
  path = '/ws',
  headers: Record<string, string> = {},
): Promise<WsClient> {
  const socket = new WebSocket(url.replace('http', 'ws') + path, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  const client = new WsClient(socket)
  t.teardown(() => {
    socket.terminate()
    return client.closed
  })
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve)
    socket.on('error', reject)
  })
  if (path !== '/agent') await client.next('connection:established')
  return client
}

/** Sends an upgrade that must be refused; resolves with the response. */
export function refusedUpgrade(
  url: string,
  options: { headers?: Record<string, string>; protocols?: string[] } = {},
): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace('http', 'ws'), options.protocols ?? [], { headers: options.headers ?? {} })
    socket.on('open', () => {
      socket.terminate()
      reject(new Error('the upgrade was accepted'))
    })
    socket.on('error', () => {})
    socket.on('unexpected-response', (_request, response) => {
      let body = ''
      response.on('data', chunk => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
    })
  })
}
