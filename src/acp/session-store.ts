import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Stored {
  /** The program's id of the session. */
  acpId?: string
  /** Tasks of the session's plan that have not ended. */
  openTasks?: string[]
}

const MAX_SESSIONS = 2000

/**
 * What must survive a restart: the program's ids of the sessions, and the tasks that would otherwise stay open forever.
 * Stored beside the agent's journal.
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

  /** Returns the tasks that an earlier process left open, and forgets them. */
  takeOpenTasks(): string[] {
    const left = [...this.#sessions.values()].flatMap(({ openTasks = [] }) => openTasks)
    for (const stored of this.#sessions.values()) delete stored.openTasks
    if (left.length > 0) this.#write()
    return left
  }

  #change(sessionId: string, change: Stored): void {
    const stored = { ...this.#sessions.get(sessionId), ...change }
    // Most recently used last. The oldest are dropped first.
    this.#sessions.delete(sessionId)
    this.#sessions.set(sessionId, stored)
    for (const id of this.#sessions.keys()) {
      if (this.#sessions.size <= MAX_SESSIONS) break
      this.#sessions.delete(id)
    }
    this.#write()
  }

  /** Replaces the file atomically. Synchronous, since it is rare: once per session, and with each plan. */
  #write(): void {
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify(Object.fromEntries(this.#sessions)), { mode: 0o600 })
      renameSync(`${this.#path}.new`, this.#path)
    } catch (error) {
      this.#onFault(`its sessions cannot be saved for a restart: ${(error as Error).message}`)
    }
  }
}

/** A damaged file, or one of a later version, counts as missing: conversations start over. */
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
