import type { AgentConnection } from './agent-connection.ts'

export const TAKEN_OVER = 'A newer connection of this agent took over.'

/** The facts that decide which of two connections of an agent is newer. */
export interface Hello {
  bootId: string
  /** The number of this connection within its process, as the agent reports it. */
  connects?: number | undefined
  /** When it arrived, monotonic ms. */
  at: number
}

interface Newest {
  connection: AgentConnection
  hello: Hello
  /** Resolves when everything that arrived over it is stored. */
  settled: () => Promise<void>
}

/**
 * A delayed hello may arrive after a later one: its node stalled, or no node could take it. Within one process of the
 * agent the count decides, otherwise the time.
 */
const isBefore = (one: Hello, other: Hello): boolean =>
  one.bootId === other.bootId && one.connects !== undefined && other.connects !== undefined
    ? one.connects < other.connects
    : one.at < other.at

/** The current connection of each agent: the one that said hello last. */
export class NewestConnections {
  readonly #newest = new Map<string, Newest>()
  /** By agent: the frames of a closed connection may still be on their way to the log. */
  readonly #leaving = new Map<string, Promise<void>>()

  get(agentId: string): AgentConnection | undefined {
    return this.#newest.get(agentId)?.connection
  }

  isCurrent(agentId: string, connection: AgentConnection): boolean {
    return this.get(agentId) === connection
  }

  /** Whether another connection said hello after this one. */
  isOutdated(agentId: string, hello: Hello): boolean {
    const newest = this.#newest.get(agentId)
    return newest !== undefined && isBefore(hello, newest.hello)
  }

  /**
   * Closes the older connection. Resolves when everything that arrived over it is stored, so that the newer one starts
   * from there.
   */
  async claim(agentId: string, connection: AgentConnection, hello: Hello, settled: Newest['settled']): Promise<void> {
    const older = this.#newest.get(agentId)
    this.#newest.set(agentId, { connection, hello, settled })
    older?.connection.close(4409, TAKEN_OVER)
    await Promise.all([older?.settled(), this.#leaving.get(agentId)])
  }

  /** Forgets a connection that closed. False if it was not the newest. */
  release(agentId: string, connection: AgentConnection): boolean {
    const newest = this.#newest.get(agentId)
    if (newest?.connection !== connection) return false
    this.#newest.delete(agentId)
    const left = newest.settled().then(() => {
      if (this.#leaving.get(agentId) === left) this.#leaving.delete(agentId)
    })
    this.#leaving.set(agentId, left)
    return true
  }
}
