import type { FleetEvent, Unfollow } from './event-log.ts'

export type Follower = (events: readonly FleetEvent[]) => void

/**
 * Callbacks that receive committed events. If one throws, the error is reported and it still gets the next batch; the
 * others are not affected.
 */
export class Followers {
  readonly #followers = new Set<{ follower: Follower }>()
  readonly #onFault: (error: Error) => void

  constructor(onFault: (error: Error) => void) {
    this.#onFault = onFault
  }

  /** Starts with the next batch. A function that is added twice is called twice. */
  add(follower: Follower): Unfollow {
    const entry = { follower }
    this.#followers.add(entry)
    return () => {
      this.#followers.delete(entry)
    }
  }

  tell(events: readonly FleetEvent[]): void {
    // Iterates over a copy: a follower added during this batch starts with the next one, since its "now" is after this
    // one.
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
