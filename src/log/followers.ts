import type { FleetEvent, Unfollow } from './event-log.ts'

export type Follower = (events: readonly FleetEvent[]) => void

/**
 * Callbacks that are told of committed events. If one throws, that is reported and it is told again of the next batch;
 * the others are not affected.
 */
export class Followers {
  readonly #followers = new Set<{ follower: Follower }>()
  readonly #onFault: (error: Error) => void

  constructor(onFault: (error: Error) => void) {
    this.#onFault = onFault
  }

  /** From the next batch on. A function that is added twice is called twice. */
  add(follower: Follower): Unfollow {
    const entry = { follower }
    this.#followers.add(entry)
    return () => {
      this.#followers.delete(entry)
    }
  }

  tell(events: readonly FleetEvent[]): void {
    // Iterates over a copy: a follower that is added during this batch starts with the next, since its "now" is after
    // this one.
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
