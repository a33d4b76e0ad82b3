import type { OpenSession } from '../../agents/agent-connection.ts'
import type { Clock } from '../../clock.ts'
import { Deadlines } from '../../deadlines.ts'
import type { NodeBus, NodeLink } from '../bus/node-bus.ts'
import { AGENTS, type AgentsHello, type FromGateway, OUTPUT, type Output, type OutputHello } from './agent-messages.ts'
import { RelayedAgent } from './relayed-agent.ts'

/** A node that stops spreads the reconnects of its agents over up to 10 s. */
const MOVE_MS = 12_000

export interface AgentLinksOptions {
  bus: NodeBus
  outputBus: NodeBus
  clock: Clock
  /** Opens the session of an agent. */
  session: OpenSession
}

/** On the active node: the agents whose sockets other nodes hold. */
export class AgentLinks {
  readonly #options: AgentLinksOptions
  readonly #gateways = new Map<string, Gateway>()
  readonly #moves: Deadlines
  #unlisten: (() => void)[] = []

  constructor(options: AgentLinksOptions) {
    this.#options = options
    this.#moves = new Deadlines(options.clock)
  }

  start(): void {
    if (this.#unlisten.length > 0) return
    this.#moves.start()
    const { bus, outputBus, session } = this.#options
    this.#unlisten = [
      bus.onLink<AgentsHello>(AGENTS, (link, { id }) => {
        const gateway = new Gateway(link, { session, move: agent => this.#move(agent) })
        this.#gateways.set(id, gateway)
        link.onEnd(() => {
          this.#gateways.delete(id)
          gateway.onEnd()
        })
      }),
      outputBus.onLink<OutputHello>(OUTPUT, (link, { id }) => {
        const gateway = this.#gateways.get(id)
        if (gateway === undefined) link.end('its agents have no link')
        else gateway.takeOutput(link)
      }),
    ]
  }

  /** Does not end the sessions; their owner does. Gateways send the agents away. */
  stop(): void {
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    for (const gateway of this.#gateways.values()) gateway.leave()
    this.#gateways.clear()
    this.#moves.stop()
  }

  /** A node that stops sends its agents to others. An agent that returns in time never counts as disconnected. */
  #move(agent: RelayedAgent): void {
    agent.onMove()
    this.#moves.set(agent.id, MOVE_MS, () => agent.onClose())
  }
}

interface GatewayOptions {
  session: OpenSession
  move(agent: RelayedAgent): void
}

/** A node that holds agents' sockets. */
class Gateway {
  readonly #link: NodeLink
  readonly #options: GatewayOptions
  readonly #agents = new Map<number, RelayedAgent>()
  #output: NodeLink | undefined
  #hasLeft = false

  constructor(link: NodeLink, options: GatewayOptions) {
    this.#link = link
    this.#options = options
    link.onMessage<FromGateway>(message => this.#onMessage(message))
    link.send(['ready'])
  }

  takeOutput(link: NodeLink): void {
    this.#output?.end('a newer one took its place')
    this.#output = link
    link.onMessage<Output>(([number, marks, frame]) => this.#agents.get(number)?.onOutput(marks, frame))
  }

  leave(): void {
    this.#hasLeft = true
    this.#output?.end('this node is no longer the active one')
    this.#link.end('this node is no longer the active one')
  }

  /** As if all of its sockets had closed. */
  onEnd(): void {
    this.#output?.end('the link of its agents ended')
    if (this.#hasLeft) return
    for (const agent of this.#agents.values()) agent.onClose()
    this.#agents.clear()
  }

  #onMessage(message: FromGateway): void {
    const number = message[1]
    if (message[0] === 'open') {
      this.#agents.set(number, new RelayedAgent(number, this.#link, message[2], this.#options.session))
      return
    }
    const agent = this.#agents.get(number)
    switch (message[0]) {
      case 'frame':
        agent?.onFrame(message[2], message[3])
        break
      case 'refused':
        agent?.onRefused(message[2])
        break
      case 'closed':
        this.#agents.delete(number)
        if (message[2] === true && agent?.isOpen) this.#options.move(agent)
        else agent?.onClose()
        break
      default:
        message satisfies never
    }
  }
}
