import { type EventPayloads, topics } from '@fleetwire/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Clock, Timer } from '../clock.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import type { Logger } from '../logger.ts'

export interface ConnectionAnnouncerOptions {
  log: Pick<EventLog, 'append'>
  clock: Clock
  logger: Logger
}

interface Announced {
  readonly id: string
  readonly principal: Principal
  readonly openedAt: number
}

/** How long announcements are gathered before they are stored. */
const GATHER_MS = 50
/**
 * Maximum stored at once, as a number or as a share of all that wait, whichever is larger: commands come first in the
 * log.
 */
const AT_ONCE = 32
const PART_AT_ONCE = 1 / 32

/**
 * Announces opened and closed connections on `system.connections`. Announcements within a short time are stored
 * together: in a storm, thousands of appends would hold up commands.
 */
export class ConnectionAnnouncer {
  readonly #options: ConnectionAnnouncerOptions
  readonly #waiting: EventDraft[] = []
  #timer: Timer | undefined

  constructor(options: ConnectionAnnouncerOptions) {
    this.#options = options
  }

  opened(connection: Announced): void {
    this.#add('connection:opened', { ...factsOf(connection), at: connection.openedAt })
  }

  closed(connection: Announced, code: number): void {
    this.#add('connection:closed', { ...factsOf(connection), code, at: this.#options.clock.now() })
  }

  /** Stores everything that waits immediately, without further gathering. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#store(this.#waiting.length)
  }

  #add<K extends 'connection:opened' | 'connection:closed'>(type: K, payload: EventPayloads[K]): void {
    this.#waiting.push(draftOf(type, topics.connections, payload))
    this.#timer ??= this.#options.clock.setTimeout(() => this.#storeNext(), GATHER_MS)
  }

  #storeNext(): void {
    this.#timer = undefined
    this.#store(Math.max(AT_ONCE, Math.ceil(this.#waiting.length * PART_AT_ONCE)))
    if (this.#waiting.length > 0) this.#timer = this.#options.clock.setTimeout(() => this.#storeNext(), GATHER_MS)
  }

  /** Best effort: a connection stays usable even if the log cannot record it now. */
  #store(count: number): void {
    const drafts = this.#waiting.splice(0, count)
    if (drafts.length === 0) return
    const { log, logger } = this.#options
    log.append(drafts).catch((err: unknown) => logger.debug({ err }, 'connections were not recorded'))
  }
}

const factsOf = ({ id, principal }: Announced) => ({ connectionId: id, role: principal.role, sub: principal.sub })
