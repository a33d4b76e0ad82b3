import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Stored {
  /** What the program calls the session. */
  acpId?: string
  /** Tasks of its plan that have not ended. */
  openTasks?: string[]
}

const MAX_SESSIONS = 2000

/**
 * What a restart must know of the sessions: how the program calls them, and which tasks would stay open for ever. Lives
 * beside the agent's journal.
 */
export class SessionStore {
  readonly #path: string
  readonly #sessions: Map<string, Stored>
  readonly #onFault: (message: string) => void

  constructor(folder: string, agentId: string, onFault: (message: string) => void) {
    this.#onFault = onFault
    this.#path = join(folder, `${agentId}.acp.json`)
    this.#sessions = read(this.#path)
  }

  acpIdOf(sessionId: string): string | undefined {
    return this.#sessions.get(sessionId)?.acpId
  }

  keepAcpId(sessionId: string, acpId: string): void {
    if (this.acpIdOf(sessionId) !== acpId) this.#change(sessionId, { acpId })
  }

  keepOpenTasks(sessionId: string, openTasks: string[]): void {
    this.#change(sessionId, { openTasks })
  }

  /** Tasks that an earlier process left open; asked for once. */
  takeOpenTasks(): string[] {
    const left = [...this.#sessions.values()].flatMap(({ openTasks = [] }) => openTasks)
    for (const stored of this.#sessions.values()) delete stored.openTasks
    if (left.length > 0) this.#write()
    return left
  }

  #change(sessionId: string, change: Stored): void {
    const stored = { ...this.#sessions.get(sessionId), ...change }
    // The latest used is the last: the oldest go first.
    this.#sessions.delete(sessionId)
    this.#sessions.set(sessionId, stored)
    for (const id of this.#sessions.keys()) {
      if (this.#sessions.size <= MAX_SESSIONS) break
      this.#sessions.delete(id)
    }
    this.#write()
  }

  /** At every moment the file is complete. Rare enough to be waited for: once a session, and with each plan. */
  #write(): void {
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify(Object.fromEntries(this.#sessions)), { mode: 0o600 })
      renameSync(`${this.#path}.new`, this.#path)
    } catch (error) {
      this.#onFault(`its sessions cannot be kept for a restart: ${(error as Error).message}`)
    }
  }
}

/** A file that is no more than half there, or of a later version, is as good as none: the conversations begin anew. */
function read(path: string): Map<string, Stored> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof value !== 'object' || value === null) return new Map()
    return new Map(Object.entries(value).map(([sessionId, stored]) => [sessionId, valid(stored)]))
  } catch {
    return new Map()
  }
}

function valid(stored: unknown): Stored {
  const { acpId, openTasks } = (typeof stored === 'object' && stored !== null ? stored : {}) as Stored
  return {
    ...(typeof acpId === 'string' && { acpId }),
    ...(Array.isArray(openTasks) && { openTasks: openTasks.filter(id => typeof id === 'string') }),
  }
}
