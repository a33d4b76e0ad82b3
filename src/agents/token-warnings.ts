import { topics } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import { draftOf } from '../log/draft.ts'
import type { EventLog } from '../log/event-log.ts'

export interface TokenWarningsOptions {
  log: Pick<EventLog, 'append'>
  clock: Clock
  onFault(error: unknown): void
  /** The token of an agent that does not renew it ends within a day. */
  onTokenExpiring?: (agentId: string, expiresAt: number) => void
}

/** How long before its end an agent's token is warned of. */
const WARNING_MS = 24 * 60 * 60_000

/** Warns of the tokens of agents a day before they end: once of a token, however often its agent comes back with it. */
export class TokenWarnings {
  readonly #options: TokenWarningsOptions
  readonly #deadlines: Deadlines
  /** By agent, the end of the token that was warned of. */
  readonly #warnedOf = new Map<string, number>()

  constructor(options: TokenWarningsOptions) {
    this.#options = options
    this.#deadlines = new Deadlines(options.clock)
  }

  start(): void {
    this.#deadlines.start()
  }

  stop(): void {
    this.#deadlines.stop()
  }

  /** `onDue` is called when the end is near, also where it was warned of before. */
  watch(agentId: string, expiresAt: number, onDue: () => void): void {
    this.#deadlines.set(agentId, expiresAt - WARNING_MS - this.#options.clock.now(), () => {
      onDue()
      if (this.#warnedOf.get(agentId) !== expiresAt) this.#warn(agentId, expiresAt)
    })
  }

  /** The connection that had the token is gone. */
  clear(agentId: string): void {
    this.#deadlines.clear(agentId)
  }

  forget(agentId: string): void {
    this.#deadlines.clear(agentId)
    this.#warnedOf.delete(agentId)
  }

  #warn(agentId: string, expiresAt: number): void {
    const { log, onFault, onTokenExpiring } = this.#options
    this.#warnedOf.set(agentId, expiresAt)
    onTokenExpiring?.(agentId, expiresAt)
    const message = `The token of this agent expires at ${new Date(expiresAt).toISOString()}.`
    const payload = { agentId, code: 'token_expires', message }
    log.append([draftOf('agent:error', topics.agentLog(agentId), payload)]).catch(onFault)
  }
}
