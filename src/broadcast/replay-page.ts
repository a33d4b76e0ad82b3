import { canSeeEntry, sightOf } from '../auth/permissions.ts'
import type { Principal } from '../auth/principal.ts'
import { EventBatch, type OutboundEvent } from '../frames/frame-encoder.ts'

/**
 * One step of a replay: what is sent before waiting for the reader. Filtered once for all readers with the same rights.
 */
export class ReplaySlice {
  readonly #batch: EventBatch
  readonly #concernsUsers: boolean
  readonly #views = new Map<string, EventBatch>()

  constructor(events: readonly OutboundEvent[]) {
    this.#batch = new EventBatch(events)
    this.#concernsUsers = events.some(({ event }) => event.topic.startsWith('users.'))
  }

  /** The events in it that a reader may see. */
  for(principal: Principal): EventBatch {
    const key = sightOf(principal, this.#concernsUsers)
    const known = this.#views.get(key)
    if (known !== undefined) return known
    const { events } = this.#batch
    const visible = events.filter(({ event }) => canSeeEntry(principal, event))
    const view = visible.length === events.length ? this.#batch : new EventBatch(visible)
    this.#views.set(key, view)
    return view
  }
}

/** A page of the log, read, encoded and joined once for all readers. */
export interface ReplayPage {
  status: 'ok'
  slices: readonly ReplaySlice[]
  bytes: number
  /** Topics of events that were left out because no frame can carry them. */
  flawed: readonly string[]
  /** Where the next page begins. For the last page (`done`): the end of the log when it was read. */
  next: string
  done: boolean
}
