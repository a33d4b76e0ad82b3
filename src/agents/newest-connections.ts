import type { AgentConnection } from './agent-connection.ts'

export const TAKEN_OVER = 'A newer connection of this agent took over.'

/** What tells which of two connections of an agent is the newer one. */
export interface Hello {
  bootId: string
  /** Which connection of its process it says to be. */
  connects?: number | undefined
  /** When it was said, monotonic ms. */
  at: number
}

interface Newest {
  connection: AgentConnection
  hello: Hello
  /** Resolves when everything that arrived over it is stored. */
  settled: () => Promise<void>
}

/**
 * One that was held up on its way comes after a later one: from a node that stood still, or where nobody could take it. Of
 * one process the count decides, of several the time.
 */
const isBefore = (one: Hello, other: Hello): boolean =>
  one.bootId === other.bootId && one.connects !== undefined && other.connects !== undefined
    ? one.connects < other.connects
    : one.at < other.at

/** The one connection of each agent that counts: the newest that said hello. */
export class NewestConnections {
  readonly #newest = new Map<string, Newest>()
  /** What arrived over a closed connection may still be on its way to the log. */
  readonly #leaving = new Map<string, Promise<void>>()

  get(agentId: string): AgentConnection | undefined {
    return this.#newest.get(agentId)?.connection
  }

  isCurrent(agentId: string, connection: AgentConnection): boolean {
    return this.get(agentId) === connection
  }

  /** Another one said hello after this. */
  isOutdated(agentId: string, hello: Hello): boolean {
    const newest = this.#newest.get(agentId)
    return newest !== undefined && isBefore(hello, newest.hello)
  }

  /**
   * Closes the older one. Resolves when everything that arrived over it is stored, so that the newer one starts from
   * there.
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
