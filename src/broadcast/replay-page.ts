import { canSeeEntry, sightOf } from '../auth/permissions.ts'
import type { Principal } from '../auth/principal.ts'
import { EventBatch, type OutboundEvent } from '../frames/frame-encoder.ts'

/** One step of a replay: what is delivered before the reader is waited for, decided once for all who see the same. */
export class ReplaySlice {
  readonly #batch: EventBatch
  readonly #concernsUsers: boolean
  readonly #views = new Map<string, EventBatch>()

  constructor(events: readonly OutboundEvent[]) {
    this.#batch = new EventBatch(events)
    this.#concernsUsers = events.some(({ event }) => event.topic.startsWith('users.'))
  }

  /** What a reader may see of it. */
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

/** A page of the log on its way out: read, framed and joined once for all that read it. */
export interface ReplayPage {
  status: 'ok'
  slices: readonly ReplaySlice[]
  bytes: number
  /** Topics of events that were left out, for no frame can carry them. */
  flawed: readonly string[]
  /** Where the next page begins. Of the last page (`done`): the end of the log when it was read. */
  next: string
  done: boolean
}
