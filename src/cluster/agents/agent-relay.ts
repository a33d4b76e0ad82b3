import type { AgentFrame } from '@fleetwire/protocol'
import type { AgentInput, AgentSocket, OpenSession } from '../../agents/agent-connection.ts'
import type { Clock, Timer } from '../../clock.ts'
import type { ClusterNode } from '../cluster-node.ts'
import { AgentUplink } from './agent-uplink.ts'

/** An agent that is not greeted within this time is told to reconnect. */
const WAIT_MS = 10_000
/** An agent sends only its greeting until it is answered, so more frames than this are not held. */
const MOST_FRAMES = 256
const RETRY_MS = 200
/** Agents that are sent away together reconnect over this span. */
const SPREAD_MS = 1000

export interface AgentRelayOptions {
  cluster: Pick<ClusterNode, 'node' | 'isActive' | 'active' | 'bus' | 'terminalBus' | 'onRole'>
  clock: Clock
  /** In [0, 1). */
  random(): number
  /** Opens the session of an agent if this node is the active one. */
  session: OpenSession
}

type Way = (agentId: string, connection: AgentSocket, waitedMs?: number) => AgentInput

/**
 * Connects the agents whose sockets this node holds to the active node: to the session here, or over a link. Without an
 * active node they wait. When another node becomes active, they reconnect with their inventory.
 */
export class AgentRelay {
  readonly #options: AgentRelayOptions
  readonly #waiting = new Set<WaitingAgent>()
  #uplink: AgentUplink | undefined
  #retry: Timer | undefined
  #unlisten: (() => void) | undefined

  constructor(options: AgentRelayOptions) {
    this.#options = options
  }

  start(): void {
    this.#unlisten ??= this.#options.cluster.onRole(() => this.#look())
    this.#look()
  }

  /** Stops relaying. Sockets are closed by their owner. */
  stop(): void {
    this.#unlisten?.()
    this.#unlisten = undefined
    this.#retry?.cancel()
    const uplink = this.#uplink
    this.#uplink = undefined
    uplink?.end('this node is stopping')
    for (const agent of this.#waiting) agent.onClose()
  }

  /** The server's side of one connection; the route feeds it frames. */
  open(agentId: string, connection: AgentSocket): AgentInput {
    const way = this.#way()
    if (way !== undefined) return way(agentId, connection)
    const { clock } = this.#options
    const waiting = new WaitingAgent(agentId, connection, {
      ...{ clock, spreadMs: Math.round(SPREAD_MS * this.#options.random()) },
      onOver: () => this.#waiting.delete(waiting),
    })
    this.#waiting.add(waiting)
    return waiting
  }

  #way(): Way | undefined {
    if (this.#options.cluster.isActive) return this.#options.session
    const uplink = this.#uplink
    return uplink?.isReady ? (agentId, connection, waitedMs) => uplink.open(agentId, connection, waitedMs) : undefined
  }

  #look(): void {
    const { cluster } = this.#options
    const active = cluster.isActive ? cluster.node : cluster.active?.node
    if (this.#uplink !== undefined && active !== undefined && active !== this.#uplink.node) {
      this.#uplink.end('another node is active')
    }
    if (active !== undefined && active !== cluster.node && this.#uplink === undefined) this.#connect(active)
    this.#admit()
  }

  #connect(node: string): void {
    const { cluster, clock } = this.#options
    this.#retry?.cancel()
    const uplink = new AgentUplink({
      ...{ node, clock, bus: cluster.bus, outputBus: cluster.terminalBus, spreadMs: SPREAD_MS },
      onReady: () => this.#admit(),
      onEnd: () => {
        if (this.#uplink !== uplink) return
        this.#uplink = undefined
        this.#retry = clock.setTimeout(() => this.#look(), RETRY_MS)
      },
    })
    this.#uplink = uplink
  }

  #admit(): void {
    const way = this.#way()
    if (way === undefined) return
    for (const agent of [...this.#waiting]) agent.admit(way)
  }
}

type Held = { frame: AgentFrame } | { refused: number }

/** Holds what an agent sends while no node is active. */
class WaitingAgent implements AgentInput {
  readonly #agentId: string
  readonly #connection: AgentSocket
  readonly #options: { clock: Clock; spreadMs: number; onOver(): void }
  readonly #timer: Timer
  #held: Held[] = []
  #input: AgentInput | undefined
  /** When its first frame arrived. */
  #since: number | undefined
  #isOver = false

  constructor(agentId: string, connection: AgentSocket, options: { clock: Clock; spreadMs: number; onOver(): void }) {
    this.#agentId = agentId
    this.#connection = connection
    this.#options = options
    this.#timer = options.clock.setTimeout(() => this.#giveUp(), WAIT_MS)
  }

  onFrame(frame: AgentFrame): void {
    if (this.#input === undefined) this.#hold({ frame })
    else this.#input.onFrame(frame)
  }

  onRefused(n: number): void {
    if (this.#input === undefined) this.#hold({ refused: n })
    else this.#input.onRefused(n)
  }

  onClose(code?: number): void {
    this.#over()
    this.#input?.onClose(code)
  }

  admit(way: Way): void {
    const held = this.#held
    this.#over()
    const waitedMs = this.#since === undefined ? 0 : this.#options.clock.monotonic() - this.#since
    const input = way(this.#agentId, this.#connection, waitedMs)
    this.#input = input
    for (const each of held) {
      if ('frame' in each) input.onFrame(each.frame)
      else input.onRefused(each.refused)
    }
  }

  #hold(held: Held): void {
    if (this.#isOver) return
    this.#since ??= this.#options.clock.monotonic()
    if (this.#held.push(held) > MOST_FRAMES) this.#sendAway()
  }

  #giveUp(): void {
    if (this.#held.length > 0) {
      this.#sendAway()
      return
    }
    this.#over()
    this.#connection.close(4408, 'No agent:connect within 10 s.')
  }

  #sendAway(): void {
    this.#over()
    this.#connection.close(1012, 'No node is active; frames wait at the agent.', {
      reconnectAfterMs: this.#options.spreadMs,
    })
  }

  #over(): void {
    this.#isOver = true
    this.#held = []
    this.#timer.cancel()
    this.#options.onOver()
  }
}
