import { type Command, isFinal } from '@fleetwire/protocol'
import type { EventDraft } from '../log/event-log.ts'
import type { CommandLedger } from './command-ledger.ts'
import type { CommandEvent } from './command-state.ts'

/**
 * What happened to several commands, for one append: each event is decided on what those before it leave. The first
 * draft of each command expects the version that it was decided on, so all of them hold, or nothing is stored.
 */
export class CommandChanges {
  readonly #ledger: CommandLedger
  readonly #agentId: string
  readonly #decided = new Map<string, Command>()

  constructor(ledger: CommandLedger, agentId: string) {
    this.#ledger = ledger
    this.#agentId = agentId
  }

  /**
   * Undefined unless it changes a command of this agent that has not ended: `CommandLedger.apply` says what is to be
   * answered then.
   */
  draftOf(commandId: string, event: CommandEvent): EventDraft | undefined {
    const decided = this.#decided.get(commandId)
    if (decided !== undefined && isFinal(decided.status)) return undefined
    const change = this.#ledger.changeOf(commandId, event, decided)
    if (change === undefined || change.command.agentId !== this.#agentId) return undefined
    this.#decided.set(commandId, change.command)
    return change.draft
  }

  /** The commands that change. */
  get commandIds(): string[] {
    return [...this.#decided.keys()]
  }
}
