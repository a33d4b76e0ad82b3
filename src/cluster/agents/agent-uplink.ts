import { randomUUID } from 'node:crypto'
import type { AgentFrame } from '@fleetwire/protocol'
import type { AgentInput, AgentSocket } from '../../agents/agent-connection.ts'
import type { Clock, Timer } from '../../clock.ts'
import type { NodeBus, NodeLink } from '../bus/node-bus.ts'
import { AGENTS, type FromGateway, MARKS, OUTPUT, type Output, PASSING, type ToGateway } from './agent-messages.ts'

/** If more than this waits for the active node, agents that keep sending are not read until half of it is gone. */
const MOST_BYTES = 4 * 1024 * 1024
const LOOK_AGAIN_MS = 20
const REOPEN_MS = 250
/** The close code of a server that stops. */
const MOVED = 1012

export interface AgentUplinkOptions {
  /** The active node. */
  node: string
  bus: NodeBus
  outputBus: NodeBus
  clock: Clock
  /** The span over which agents reconnect after their link ended. */
  spreadMs: number
  /** The active node accepts agents. */
  onReady(): void
  /** The link ended, and its agents were sent away. */
  onEnd(): void
}

/** A gateway's side of the link for its agents to the active node. */
export class AgentUplink {
  readonly node: string
  readonly #options: AgentUplinkOptions
  readonly #link: NodeLink
  readonly #id = randomUUID()
  readonly #agents = new Map<number, RelayedSocket>()
  #output: NodeLink | undefined
  /** Output that waits for its link to open again. */
  #waiting: Output[] = []
  readonly #paused = new Set<AgentSocket>()
  #look: Timer | undefined
  #reopen: Timer | undefined
  #count = 0
  #isReady = false

  constructor(options: AgentUplinkOptions) {
    this.node = options.node
    this.#options = options
    this.#link = options.bus.openLink(options.node, AGENTS, { id: this.#id })
    this.#link.onMessage<ToGateway>(message => this.#onMessage(message))
    this.#link.onEnd(() => this.#onEnd())
  }

  /** The active node accepts agents. */
  get isReady(): boolean {
    return this.#isReady && !this.#link.hasEnded
  }

  open(agentId: string, connection: AgentSocket, waitedMs?: number): AgentInput {
    const number = ++this.#count
    const socket = new RelayedSocket(number, connection, this)
    this.#agents.set(number, socket)
    const { id: connectionId, tokenExpiresAt } = connection
    this.send(['open', number, { agentId, connectionId, tokenExpiresAt, waitedMs }])
    return socket
  }

  /** Ends the link and sends its agents away. */
  end(reason: string): void {
    this.#link.end(reason)
  }

  send(message: FromGateway): void {
    this.#link.send(message)
  }

  sendSoon(message: FromGateway): void {
    this.#link.sendSoon(message)
  }

  sendOutput(message: Output): void {
    if (this.#output === undefined) this.#waiting.push(message)
    else this.#output.send(message)
  }

  /** Pauses an agent that sends more than the active node takes. */
  pace(connection: AgentSocket): void {
    if (this.#backlog <= MOST_BYTES) return
    this.#paused.add(connection)
    connection.pause()
    this.#look ??= this.#options.clock.setTimeout(() => this.#lookAgain(), LOOK_AGAIN_MS)
  }

  /** The larger backlog of the two links, in bytes. */
  get #backlog(): number {
    if (this.#waiting.length > 0) return Number.POSITIVE_INFINITY
    return Math.max(this.#link.bufferedBytes, this.#output?.bufferedBytes ?? 0)
  }

  #lookAgain(): void {
    this.#look = undefined
    if (this.#backlog > MOST_BYTES / 2) {
      this.#look = this.#options.clock.setTimeout(() => this.#lookAgain(), LOOK_AGAIN_MS)
      return
    }
    const paused = [...this.#paused]
    this.#paused.clear()
    for (const connection of paused) connection.resume()
  }

  closed(number: number, isMoved: boolean): void {
    const socket = this.#agents.get(number)
    if (socket === undefined) return
    this.#agents.delete(number)
    this.#paused.delete(socket.connection)
    this.send(isMoved ? ['closed', number, true] : ['closed', number])
  }

  #onMessage(message: ToGateway): void {
    if (message[0] === 'ready') {
      this.#isReady = true
      this.#openOutput()
      this.#options.onReady()
      return
    }
    const connection = this.#agents.get(message[1])?.connection
    if (connection === undefined) return
    switch (message[0]) {
      case 'send':
        connection.send(message[2], message[3])
        break
      case 'join':
        connection.join()
        break
      case 'error':
        connection.error(message[2], message[3], message[4])
        break
      case 'close':
        connection.close(message[2], message[3], message[4])
        break
      default:
        message satisfies never
    }
  }

  #openOutput(): void {
    const output = this.#options.outputBus.openLink(this.node, OUTPUT, { id: this.#id })
    this.#output = output
    for (const message of this.#waiting.splice(0)) output.send(message)
    output.onEnd(() => {
      if (this.#link.hasEnded) return
      this.#output = undefined
      // Output in flight is lost. The terminals of those agents are compared when they have reconnected.
      this.#sendAway([...this.#agents.values()].filter(socket => socket.hasShown))
      this.#reopen = this.#options.clock.setTimeout(() => this.#openOutput(), REOPEN_MS)
    })
  }

  #sendAway(sockets: readonly RelayedSocket[]): void {
    for (const [i, { connection }] of sockets.entries()) {
      const reconnectAfterMs = Math.round((this.#options.spreadMs * i) / sockets.length)
      connection.close(1012, 'another node takes over', { reconnectAfterMs })
    }
  }

  #onEnd(): void {
    this.#reopen?.cancel()
    this.#look?.cancel()
    this.#output?.end('the link of its agents ended')
    const agents = [...this.#agents.values()]
    this.#agents.clear()
    this.#options.onEnd()
    this.#sendAway(agents)
  }
}

/** The socket of one agent, as the link sees it. */
class RelayedSocket implements AgentInput {
  readonly connection: AgentSocket
  readonly #number: number
  readonly #uplink: AgentUplink
  /** How many frames of a MARKS type were sent. */
  #marks = 0
  #outputs = 0

  constructor(number: number, connection: AgentSocket, uplink: AgentUplink) {
    this.#number = number
    this.connection = connection
    this.#uplink = uplink
  }

  /** It has sent terminal output. */
  get hasShown(): boolean {
    return this.#outputs > 0
  }

  onFrame(frame: AgentFrame): void {
    if (frame.type === 'terminal:output' && frame.n === undefined) {
      this.#outputs++
      this.#uplink.sendOutput([this.#number, this.#marks, frame])
    } else if (MARKS.has(frame.type)) {
      this.#marks++
      this.#uplink.send(['frame', this.#number, frame, this.#outputs])
    } else if (PASSING.has(frame.type)) this.#uplink.sendSoon(['frame', this.#number, frame])
    else this.#uplink.send(['frame', this.#number, frame])
    this.#uplink.pace(this.connection)
  }

  onRefused(n: number): void {
    this.#uplink.send(['refused', this.#number, n])
  }

  onClose(code?: number): void {
    this.#uplink.closed(this.#number, code === MOVED)
  }
}
