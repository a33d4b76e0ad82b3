import type { AgentPayloads, AgentServerPayloads, CommandOutcome } from '@fleetwire/protocol'

export type DispatchedCommand = AgentServerPayloads['command:dispatch']

/** How a question of a run ended: its answer took effect, or someone answered at the agent's own terminal. */
export type InteractionEnd = {
  [K in 'interaction:applied' | 'interaction:resolved']: { type: K; payload: AgentPayloads[K] }
}['interaction:applied' | 'interaction:resolved']

export interface FinishedCommand {
  commandId: string
  attempt: number
  outcome: CommandOutcome
  /** Ends of questions that the server had not stored when the run ended; reported again with the result. */
  interactions?: InteractionEnd[]
}

/** What an agent knows about a command that it accepted. */
export type JournalEntry =
  /** The process died, so it is unknown whether the command started and how far it got. */
  | { state: 'accepted'; commandId: string; attempt: number }
  /** `delivered`: the server has stored the result. */
  | ({ state: 'finished'; delivered: boolean } & FinishedCommand)

/**
 * Prevents commands from running twice: each is written before it is acknowledged. `accepted` and `finished` resolve
 * once the entry would survive the death of the process. The other entries may be lost, which only costs a repeated
 * report.
 */
export interface CommandJournal {
  load(): Promise<JournalEntry[]>
  accepted(command: DispatchedCommand): Promise<void>
  finished(command: FinishedCommand): Promise<void>
  delivered(commandId: string): Promise<void>
  /** The command will never be dispatched again. */
  forget(commandId: string): Promise<void>
}

/** An in-memory journal for browsers, tests, and agents whose commands may run twice. */
export class MemoryJournal implements CommandJournal {
  readonly #entries = new Map<string, JournalEntry>()

  async load(): Promise<JournalEntry[]> {
    return [...this.#entries.values()]
  }

  async accepted({ commandId, attempt }: DispatchedCommand): Promise<void> {
    this.#entries.set(commandId, { state: 'accepted', commandId, attempt })
  }

  async finished(command: FinishedCommand): Promise<void> {
    this.#entries.set(command.commandId, { state: 'finished', delivered: false, ...command })
  }

  async delivered(commandId: string): Promise<void> {
    const entry = this.#entries.get(commandId)
    if (entry?.state === 'finished') this.#entries.set(commandId, { ...entry, delivered: true })
  }

  async forget(commandId: string): Promise<void> {
    this.#entries.delete(commandId)
  }
}
