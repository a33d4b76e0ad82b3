import { randomUUID } from 'node:crypto'
import type { AgentFrame } from '@fleetwire/protocol'
import type { AgentConnection, AgentInput } from '../agents/agent-connection.ts'
import type { Clock, Timer } from '../clock.ts'

import { AGENTS, type FromGateway, MARKS, OUTPUT, type Output, type ToGateway } from './agent-messages.ts'
import type { NodeBus, NodeLink } from './node-bus.ts'

/** Of a node that does not keep up, no more than this waits here; what agents send then waits with them. */
const MOST_BYTES = 16 * 1024 * 1024
/** Output beyond it is left out: the active node sees the gap, and asks the agent for it again. */
const MOST_OUTPUT_BYTES = 4 * 1024 * 1024
const REOPEN_MS = 250
/** The close code of a server that ends. */
const MOVED = 1012

export interface AgentUplinkOptions {
  /** The active one. */
  node: string
  bus: NodeBus
  outputBus: NodeBus
  clock: Clock
  /** Over which agents come back whose link ended. */
  spreadMs: number
  /** Agents are taken. */
  onReady(): void
  /** Its agents were sent away. */
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
  #generation = 0
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

  /** Agents are taken. */
  get isReady(): boolean {
    return this.#isReady && !this.#link.hasEnded
  }

  open(agentId: string, connection: AgentConnection, waitedMs?: number): AgentInput {
    const number = ++this.#count
    const socket = new RelayedSocket(number, connection, this)
    this.#agents.set(number, socket)
    const { id: connectionId, tokenExpiresAt } = connection
    this.send(['open', number, { agentId, connectionId, tokenExpiresAt, waitedMs }])
    return socket
  }

  /** Sends its agents away. */
  end(reason: string): void {
    this.#link.end(reason)
  }

  send(message: FromGateway): void {
    this.#link.send(message)
  }

  /** The active node does not keep up. */
  get isFull(): boolean {
    return this.#link.bufferedBytes > MOST_BYTES
  }

  get generation(): number {
    return this.#generation
  }

  /** False where it was left out. */
  sendOutput(message: Output): boolean {
    const output = this.#output
    if (output === undefined || output.bufferedBytes > MOST_OUTPUT_BYTES) return false
    output.send(message)
    return true
  }

  closed(number: number, isMoved: boolean): void {
    if (this.#agents.delete(number)) this.send(isMoved ? ['closed', number, true] : ['closed', number])
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
    const generation = ++this.#generation
    const output = this.#options.outputBus.openLink(this.node, OUTPUT, { id: this.#id, generation })
    this.#output = output
    output.onEnd(() => {
      if (this.#output !== output) return
      this.#output = undefined
      if (this.#link.hasEnded) return
      this.send(['mute', generation])
      this.#reopen = this.#options.clock.setTimeout(() => this.#openOutput(), REOPEN_MS)
    })
  }

  #onEnd(): void {
    this.#reopen?.cancel()
    this.#output?.end('the link of its agents ended')
    const agents = [...this.#agents.values()]
    this.#agents.clear()
    this.#options.onEnd()
    for (const [i, { connection }] of agents.entries()) {
      const reconnectAfterMs = Math.round((this.#options.spreadMs * i) / agents.length)
      connection.close(1012, 'another node takes over', { reconnectAfterMs })
    }
  }
}

/** The socket of one agent, as the link sees it. */
class RelayedSocket implements AgentInput {
  readonly connection: AgentConnection
  readonly #number: number
  readonly #uplink: AgentUplink
  /** Frames whose place among the output matters. */
  #marks = 0
  #generation = 0
  /** Frames of output in this generation. */
  #outputs = 0

  constructor(number: number, connection: AgentConnection, uplink: AgentUplink) {
    this.#number = number
    this.connection = connection
    this.#uplink = uplink
  }

  onFrame(frame: AgentFrame): void {
    if (this.#uplink.isFull) {
      this.connection.close(1012, 'The active node does not keep up; frames wait at the agent.', {
        reconnectAfterMs: 1000,
      })
      return
    }
    const { generation } = this.#uplink
    if (generation !== this.#generation) {
      this.#generation = generation
      this.#outputs = 0
    }
    if (frame.type === 'terminal:output' && frame.n === undefined) {
      if (this.#uplink.sendOutput([this.#number, this.#marks, frame])) this.#outputs++
    } else if (MARKS.has(frame.type)) {
      this.#marks++
      this.#uplink.send(['frame', this.#number, frame, { generation, outputs: this.#outputs }])
    } else this.#uplink.send(['frame', this.#number, frame])
  }

  onRefused(n: number): void {
    this.#uplink.send(['refused', this.#number, n])
  }

  onClose(code?: number): void {
    this.#uplink.closed(this.#number, code === MOVED)
  }
}
