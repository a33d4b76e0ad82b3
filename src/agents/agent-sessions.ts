import type { AgentConnection } from './agent-connection.ts'
import { AgentSession, type AgentSessionServices } from './agent-session.ts'
import { DeltaPace } from './delta-pace.ts'

/** Agents whose sessions end together reconnect over this span, not all at once. */
const SPREAD_MS = 1000

/** The sessions of all agents that are connected to this node. */
export class AgentSessions {
  readonly #services: AgentSessionServices
  readonly #open = new Set<AgentSession>()
  #isRunning = false

  constructor(services: Omit<AgentSessionServices, 'deltaPace'>) {
    this.#services = { ...services, deltaPace: new DeltaPace(services.clock) }
  }

  start(): void {
    this.#isRunning = true
  }

  /** The server's side of one connection. While this is stopped, the agent is told to come back. */
  open(agentId: string, connection: AgentConnection, waitedMs = 0): AgentSession {
    const session = new AgentSession(agentId, connection, this.#services, waitedMs, () => this.#open.delete(session))
    if (this.#isRunning) this.#open.add(session)
    else session.end(SPREAD_MS)
    return session
  }

  /** Closes all connections: the agents reconnect with their inventories, to whichever server runs then. */
  stop(): void {
    this.#isRunning = false
    const all = [...this.#open]
    for (const [i, session] of all.entries()) session.end(Math.round((SPREAD_MS * i) / all.length))
    this.#services.deltaPace.stop()
  }
}
