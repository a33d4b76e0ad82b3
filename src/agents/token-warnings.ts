import { topics } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import { draftOf } from '../log/draft.ts'
import type { EventLog } from '../log/event-log.ts'

export interface TokenWarningsOptions {
  log: Pick<EventLog, 'append'>
  clock: Clock
  onFault(error: unknown): void
  /** Called when the token of an agent that does not renew it expires within a day. */
  onTokenExpiring?: (agentId: string, expiresAt: number) => void
}

/** How long before an agent's token expires the warning is given. */
const WARNING_MS = 24 * 60 * 60_000

/** Warns a day before an agent's token expires, once per token, however often the agent reconnects with it. */
export class TokenWarnings {
  readonly #options: TokenWarningsOptions
  readonly #deadlines: Deadlines
  /** By agent: the expiry of the token that was warned about. */
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

  /** `onDue` is called when the expiry is near, even if the warning was given before. */
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
