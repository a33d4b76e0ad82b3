import type { Clock } from '../clock.ts'

/** When each running command was last heard of, on the monotonic clock. */
export class SignsOfLife {
  readonly #clock: Clock
  readonly #heardAt = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  heard(commandId: string): void {
    this.#heardAt.set(commandId, this.#clock.monotonic())
  }

  heardAt(commandId: string): number | undefined {
    return this.#heardAt.get(commandId)
  }

  forget(commandId: string): void {
    this.#heardAt.delete(commandId)
  }

  clear(): void {
    this.#heardAt.clear()
  }
}
