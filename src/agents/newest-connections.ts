import type { AgentConnection } from './agent-connection.ts'

interface Newest {
  connection: AgentConnection
  /** Resolves when everything that arrived over it is stored. */
  settled: () => Promise<void>
}

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

  /**
   * Closes the older one. Resolves when everything that arrived over it is stored, so that the newer one starts from
   * there.
   */
  async claim(agentId: string, connection: AgentConnection, settled: Newest['settled']): Promise<void> {
    const older = this.#newest.get(agentId)
    this.#newest.set(agentId, { connection, settled })
    older?.connection.close(4409, 'A newer connection of this agent took over.')
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
