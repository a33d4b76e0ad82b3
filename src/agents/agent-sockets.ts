import type { AgentLink } from '../commands/agent-link.ts'

/** The socket of an agent as the registry sees it. */
export interface AgentSocket extends AgentLink {
  close(code: 1001 | 4408 | 4409, reason: string): void
  /** Resolves when nothing that came over this socket is on its way to the log any more. */
  settled(): Promise<void>
}

/** The one socket of each agent that counts: the newest that said hello. */
export class AgentSockets {
  readonly #newest = new Map<string, AgentSocket>()
  /** What came over a socket that is gone may still be on its way to the log. */
  readonly #leaving = new Map<string, Promise<void>>()

  get(agentId: string): AgentSocket | undefined {
    return this.#newest.get(agentId)
  }

  isCurrent(agentId: string, socket: AgentSocket): boolean {
    return this.#newest.get(agentId) === socket
  }

  /** Closes the older one. Resolves when what came over it is stored, so that the newer starts from there. */
  async claim(agentId: string, socket: AgentSocket): Promise<void> {
    const older = this.#newest.get(agentId)
    this.#newest.set(agentId, socket)
    older?.close(4409, 'A newer connection of this agent took over.')
    await Promise.all([older?.settled(), this.#leaving.get(agentId)])
  }

  /** It closed. False when it was not the one that counts. */
  release(agentId: string, socket: AgentSocket): boolean {
    if (!this.isCurrent(agentId, socket)) return false
    this.#newest.delete(agentId)
    const left = socket.settled().then(() => {
      if (this.#leaving.get(agentId) === left) this.#leaving.delete(agentId)
    })
    this.#leaving.set(agentId, left)
    return true
  }
}
