import { type Command, compareQueued } from '@fleetwire/protocol'

export interface LiveCommands {
  /** Dispatched or running. */
  readonly inFlight: Command[]
  /** In the order in which they will be dispatched. */
  readonly queued: readonly Command[]
  /** How many are queued. */
  readonly waiting: number
}

/**
 * The commands of one agent that have not ended. Queued ones are kept in the order in which they will be dispatched.
 */
export class AgentCommands implements LiveCommands {
  readonly #inFlight = new Map<string, Command>()
  readonly #queued: Command[] = []

  get inFlight(): Command[] {
    return [...this.#inFlight.values()]
  }

  get queued(): readonly Command[] {
    return this.#queued
  }

  get waiting(): number {
    return this.#queued.length
  }

  get isEmpty(): boolean {
    return this.#queued.length === 0 && this.#inFlight.size === 0
  }

  *all(): Iterable<Command> {
    yield* this.#inFlight.values()
    yield* this.#queued
  }

  /** Replaces `before` with `after`. Undefined: the command was not here, or it has ended. */
  replace(before: Command | undefined, after: Command | undefined): void {
    if (before?.status === 'queued') this.#queued.splice(this.#placeOf(before), 1)
    else if (before !== undefined) this.#inFlight.delete(before.commandId)
    if (after?.status === 'queued') this.#queued.splice(this.#placeOf(after), 0, after)
    else if (after !== undefined) this.#inFlight.set(after.commandId, after)
  }

  /** The index of a command, or the index to insert it at. The order is total, so it identifies a command. */
  #placeOf(command: Command): number {
    let from = 0
    let to = this.#queued.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if (compareQueued(this.#queued[middle]!, command) < 0) from = middle + 1
      else to = middle
    }
    return from
  }
}
