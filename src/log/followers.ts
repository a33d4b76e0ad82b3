import type { FleetEvent, Unfollow } from './event-log.ts'

export type Follower = (events: readonly FleetEvent[]) => void

/** Whoever is told of committed events. One that throws is reported and told again next time; the others go on. */
export class Followers {
  readonly #followers = new Set<{ follower: Follower }>()
  readonly #onFault: (error: Error) => void

  constructor(onFault: (error: Error) => void) {
    this.#onFault = onFault
  }

  /** From the next batch on. The same function may be added twice and is then told twice. */
  add(follower: Follower): Unfollow {
    const entry = { follower }
    this.#followers.add(entry)
    return () => {
      this.#followers.delete(entry)
    }
  }

  tell(events: readonly FleetEvent[]): void {
    // A copy: one that follows while this batch is told must wait for the next, as its "now" is after this one.
    for (const entry of [...this.#followers]) {
      if (!this.#followers.has(entry)) continue
      try {
        entry.follower(events)
      } catch (error) {
        this.#onFault(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
}
