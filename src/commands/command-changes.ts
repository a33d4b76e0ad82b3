import { type Command, isFinal } from '@fleetwire/protocol'
import type { EventDraft } from '../log/event-log.ts'
import type { CommandLedger } from './command-ledger.ts'
import type { CommandEvent } from './command-state.ts'

/**
 * Changes of several commands for one append. Each event applies to the state that the earlier ones leave. The first
 * draft of each command expects the version that it is based on, so either all of them are stored or none.
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
   * Undefined unless the event changes a command of this agent that has not ended: `CommandLedger.apply` then
   * determines the answer.
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
