import type { AgentConnection, AgentInput } from '../agents/agent-connection.ts'
import { AGENTS, type AgentsHello, type FromGateway, OUTPUT, type Output, type OutputHello } from './agent-messages.ts'
import type { NodeBus, NodeLink } from './node-bus.ts'
import { RelayedAgent } from './relayed-agent.ts'

export interface AgentLinksOptions {
  bus: NodeBus
  outputBus: NodeBus
  /** The session of an agent. */
  session(agentId: string, connection: AgentConnection): AgentInput
}

/** On the active node: the agents whose sockets other nodes hold. */
export class AgentLinks {
  readonly #options: AgentLinksOptions
  readonly #gateways = new Map<string, Gateway>()
  #unlisten: (() => void)[] = []

  constructor(options: AgentLinksOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#unlisten.length > 0) return
    const { bus, outputBus, session } = this.#options
    this.#unlisten = [
      bus.onLink<AgentsHello>(AGENTS, (link, { id }) => {
        const gateway = new Gateway(link, session)
        this.#gateways.set(id, gateway)
        link.onEnd(() => {
          this.#gateways.delete(id)
          gateway.onEnd()
        })
      }),
      outputBus.onLink<OutputHello>(OUTPUT, (link, { id, generation }) => {
        const gateway = this.#gateways.get(id)
        if (gateway === undefined) link.end('its agents have no link')
        else gateway.takeOutput(link, generation)
      }),
    ]
  }

  /** The sessions are ended by whoever stops them. Gateways send the agents away. */
  stop(): void {
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    for (const gateway of this.#gateways.values()) gateway.leave()
    this.#gateways.clear()
  }
}

/** A node that holds sockets of agents. */
class Gateway {
  readonly #link: NodeLink
  readonly #session: AgentLinksOptions['session']
  readonly #agents = new Map<number, RelayedAgent>()
  #output: NodeLink | undefined
  #hasLeft = false

  constructor(link: NodeLink, session: AgentLinksOptions['session']) {
    this.#link = link
    this.#session = session
    link.onMessage<FromGateway>(message => this.#onMessage(message))
    link.send(['ready'])
  }

  takeOutput(link: NodeLink, generation: number): void {
    this.#output?.end('a newer one took its place')
    this.#output = link
    link.onMessage<Output>(([number, marks, frame]) => this.#agents.get(number)?.onOutput(marks, frame, generation))
  }

  leave(): void {
    this.#hasLeft = true
    this.#output?.end('this node is not the active one any more')
    this.#link.end('this node is not the active one any more')
  }

  /** As if all of its sockets were closed. */
  onEnd(): void {
    this.#output?.end('the link of its agents ended')
    if (this.#hasLeft) return
    for (const agent of this.#agents.values()) agent.onClose()
    this.#agents.clear()
  }

  #onMessage(message: FromGateway): void {
    if (message[0] === 'mute') {
      for (const agent of this.#agents.values()) agent.onMute(message[1])
      return
    }
    const number = message[1]
    if (message[0] === 'open') {
      this.#agents.set(number, new RelayedAgent(number, this.#link, message[2], this.#session))
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
        agent?.onClose()
        break
      default:
        message satisfies never
    }
  }
}
