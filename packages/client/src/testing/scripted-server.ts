import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type AgentServerFrameType,
  type AgentServerPayloads,
  frameLines,
  type ServerFrameType,
  type ServerPayloads,
} from '@fleetwire/protocol'
import { type WebSocket, WebSocketServer } from 'ws'

// biome-ignore lint/suspicious/noExplicitAny: a test looks at frames of every type
export type Received = { type: string; id?: string; n?: number; payload: any }

/** A queue whose `take` waits until a matching item arrives. */
class Inbox<T> {
  readonly #items: T[] = []
  #wake: (() => void) | undefined

  put(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  async take(accept: (item: T) => boolean = () => true): Promise<T> {
    for (;;) {
      const at = this.#items.findIndex(accept)
      if (at !== -1) return this.#items.splice(at, 1)[0]!
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

/** The server's end of one socket: sends only what the test tells it to. */
export class Peer {
  readonly request: IncomingMessage
  readonly socket: WebSocket
  /** All frames received, in order. */
  readonly log: Received[] = []
  /** The text messages that contained them. */
  readonly messages: string[] = []
  readonly #inbox = new Inbox<Received>()
  readonly closed: Promise<number>

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket
    this.request = request
    socket.on('message', data => {
      const message = data.toString()
      this.messages.push(message)
      for (const line of frameLines(message)) {
        const frame = JSON.parse(line) as Received
        this.log.push(frame)
        this.#inbox.put(frame)
      }
    })
    socket.on('error', () => {})
    this.closed = new Promise(resolve => socket.on('close', resolve))
  }

  /** The next frame of this type. Frames of other types stay queued. */
  next(type: string): Promise<Received> {
    return this.#inbox.take(frame => frame.type === type)
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame))
  }

  /** Sends these frames and lines as one text message. */
  join(frames: readonly (object | string)[], lineEnd = '\n'): void {
    this.socket.send(frames.map(frame => (typeof frame === 'string' ? frame : JSON.stringify(frame))).join(lineEnd))
  }

  /** Sends a frame to an agent. */
  tell<K extends AgentServerFrameType>(type: K, payload: AgentServerPayloads[K]): void {
    this.send({ type, payload })
  }

  /** Sends a frame to a dashboard. */
  say<K extends ServerFrameType>(type: K, payload: ServerPayloads[K], id?: string): void {
    this.send({ type, payload, ...(id !== undefined && { id }) })
  }

  cut(): void {
    this.socket.terminate()
  }
}

/** The token of an upgrade, from the header or the subprotocol. */
export function tokenOf({ headers }: IncomingMessage): string {
  const protocol = headers['sec-websocket-protocol']?.split(', ')[1]
  return headers.authorization?.replace('Bearer ', '') ?? protocol?.replace('bearer.', '') ?? ''
}

/** A real WebSocket server on a free loopback port. */
export class ScriptedServer {
  readonly #http: Server
  readonly #wss: WebSocketServer
  readonly #peers = new Inbox<Peer>()
  /** The HTTP status with which an upgrade is refused, if any. */
  refuse: (token: string) => number | undefined = () => undefined

  private constructor(http: Server) {
    this.#http = http
    this.#wss = new WebSocketServer({
      noServer: true,
      handleProtocols: offered => (offered.has('fleetwire.v1') ? 'fleetwire.v1' : false),
    })
    http.on('upgrade', (request, socket, head) => {
      const status = this.refuse(tokenOf(request))
      if (status !== undefined) {
        socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
        return
      }
      this.#wss.handleUpgrade(request, socket, head, ws => this.#peers.put(new Peer(ws, request)))
    })
  }

  static async listen(test: { after(callback: () => Promise<void>): void }): Promise<ScriptedServer> {
    const http = createServer()
    const server = new ScriptedServer(http)
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
    test.after(() => server.close())
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  /** The next socket that is opened. */
  accept(): Promise<Peer> {
    return this.#peers.take()
  }

  async close(): Promise<void> {
    for (const socket of this.#wss.clients) socket.terminate()
    this.#wss.close()
    await new Promise(resolve => this.#http.close(resolve))
  }
}

export const limits = { maxFrameBytes: 262_144, frameRate: 100, frameBurst: 200 }

/** Accepts an agent and answers its greeting. */
export async function welcomeAgent(
  server: ScriptedServer,
  over: Partial<AgentServerPayloads['connection:established']> = {},
): Promise<{ peer: Peer; hello: Received }> {
  const peer = await server.accept()
  const hello = await peer.next('agent:connect')
  peer.tell('connection:established', {
    agentId: 'a1',
    connectionId: 'con_1',
    heartbeatMs: 10_000,
    ackedN: 0,
    directives: [],
    serverTime: 1,
    limits,
    ...over,
  })
  return { peer, hello }
}

export const established: ServerPayloads['connection:established'] = {
  connectionId: 'con_1',
  userId: 'u1',
  userKey: 'u1',
  role: 'operator',
  cursor: 'c0',
  resumed: false,
  heartbeatMs: 30_000,
  serverTime: 1,
  limits: { ...limits, maxPatterns: 64, outboxLimitBytes: 4_194_304 },
}

/** Accepts a dashboard, greets it and answers its `dashboard:connect`. */
export async function welcomeDashboard(
  server: ScriptedServer,
  over: Partial<ServerPayloads['connection:established']> = {},
): Promise<{ peer: Peer; hello: Received }> {
  const peer = await server.accept()
  peer.say('connection:established', established)
  const hello = await peer.next('dashboard:connect')
  peer.say('connection:established', { ...established, ...over })
  return { peer, hello }
}
