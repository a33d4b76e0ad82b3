import { isDeepStrictEqual } from 'node:util'
import { type Agent, topics } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import { draftOf } from '../log/draft.ts'
import type { AppendResult, EventDraft, EventLog } from '../log/event-log.ts'

export interface AgentPublisherOptions {
  log: Pick<EventLog, 'append'>
  clock: Clock
  /** The record to store for an agent; undefined if there is no such agent. */
  recordOf(agentId: string): Agent | undefined
  onFault(error: unknown): void
}

/** `stored`: the record in the log; undefined if unknown. */
type State =
  | { at: 'idle'; stored: Agent | undefined }
  /** `append` names the latest append; `isOutdated`: the record has changed since. */
  | { at: 'storing'; stored: Agent | undefined; append: object; isOutdated: boolean }
  /** The log could not accept. */
  | { at: 'waiting'; stored: Agent | undefined }

const idle = { at: 'idle', stored: undefined } as const
const RETRY_MS = 1000

/**
 * Keeps the agents' records in the log up to date. Changes during an append are combined into the next one, so the log
 * never ends with a record older than one that it already has.
 */
export class AgentPublisher {
  readonly #log: Pick<EventLog, 'append'>
  readonly #recordOf: AgentPublisherOptions['recordOf']
  readonly #onFault: (error: unknown) => void
  readonly #states = new Map<string, State>()
  readonly #retries: Deadlines

  constructor({ log, clock, recordOf, onFault }: AgentPublisherOptions) {
    this.#log = log
    this.#recordOf = recordOf
    this.#onFault = onFault
    this.#retries = new Deadlines(clock)
  }

  start(): void {
    this.#states.clear()
    this.#retries.start()
  }

  stop(): void {
    this.#states.clear()
    this.#retries.stop()
  }

  /** Notes that the log has this record. */
  found(record: Agent): void {
    this.#states.set(record.agentId, { at: 'idle', stored: record })
  }

  /** Stores the agent's record if it differs from the one in the log by more than `lastSeenAt`. */
  update(agentId: string): void {
    const state: State = this.#states.get(agentId) ?? idle
    switch (state.at) {
      case 'waiting':
        return
      case 'storing':
        this.#states.set(agentId, { ...state, isOutdated: true })
        return
      case 'idle': {
        const record = this.#recordOf(agentId)
        if (record === undefined || (state.stored !== undefined && sameButTime(record, state.stored))) return
        this.store(record).catch(this.#onFault)
      }
    }
  }

  /** Stores this record together with `alongside`. `onStored` is called before anything newer is stored. */
  store(record: Agent, alongside: readonly EventDraft[] = [], onStored = () => {}): Promise<AppendResult> {
    const { agentId } = record
    const draft = draftOf('agent:status', topics.agentStatus(agentId), record, { record: 'set' })
    return this.#append(agentId, [draft, ...alongside], record, onStored)
  }

  /** Removes the record together with `alongside`. After `onRemoved`, `recordOf` must return undefined for it. */
  remove(agentId: string, alongside: readonly EventDraft[], onRemoved: () => void): Promise<AppendResult> {
    const draft = draftOf('agent:removed', topics.agentStatus(agentId), { agentId }, { record: 'delete' })
    return this.#append(agentId, [draft, ...alongside], undefined, onRemoved)
  }

  /** `next`: the record in the log after the append. */
  async #append(
    agentId: string,
    drafts: readonly EventDraft[],
    next: Agent | undefined,
    onOk: () => void,
  ): Promise<AppendResult> {
    const before: State = this.#states.get(agentId) ?? idle
    // The outcome of an append in flight is unknown.
    const stored = before.at === 'storing' ? undefined : before.stored
    const append = {}
    this.#states.set(agentId, { at: 'storing', stored, append, isOutdated: false })
    this.#retries.clear(agentId)
    try {
      const appended = await this.#log.append(drafts)
      if (appended.status === 'ok') onOk()
      this.#settle(agentId, append, appended.status === 'ok' ? { at: 'idle', stored: next } : { at: 'waiting', stored })
      return appended
    } catch (error) {
      this.#settle(agentId, append, idle)
      throw error
    }
  }

  #settle(agentId: string, append: object, next: Exclude<State, { at: 'storing' }>): void {
    const state = this.#states.get(agentId)
    // Superseded by a newer append, or stopped.
    if (state?.at !== 'storing' || state.append !== append) return
    if (next.at === 'idle' && next.stored === undefined) this.#states.delete(agentId)
    else this.#states.set(agentId, next)
    if (next.at === 'waiting') this.#retries.set(agentId, RETRY_MS, () => this.#retry(agentId, next.stored))
    else if (state.isOutdated) this.update(agentId)
  }

  #retry(agentId: string, stored: Agent | undefined): void {
    this.#states.set(agentId, { at: 'idle', stored })
    this.update(agentId)
  }
}

const sameButTime = (a: Agent, b: Agent) => isDeepStrictEqual({ ...a, lastSeenAt: 0 }, { ...b, lastSeenAt: 0 })
