import { type Command, isFinal } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import type { CommandLedger } from './command-ledger.ts'

/** Callers that wait for the end of a command. */
export class CommandWaits {
  readonly #ledger: CommandLedger
  readonly #clock: Clock
  readonly #waits = new Set<() => void>()
  #isOpen = true

  constructor(ledger: CommandLedger, clock: Clock) {
    this.#ledger = ledger
    this.#clock = clock
  }

  open(): void {
    this.#isOpen = true
  }

  /** Ends every wait, and allows none until `open`. */
  close(): void {
    this.#isOpen = false
    for (const end of this.#waits) end()
  }

  /**
   * Resolves with the command once it has ended, or in its current state after `timeoutMs` or when waits are closed.
   */
  async untilEnd(command: Command, timeoutMs: number): Promise<Command> {
    const { commandId } = command
    await new Promise<void>(resolve => {
      const end = () => {
        timer.cancel()
        stopListening()
        this.#waits.delete(end)
        resolve()
      }
      const timer = this.#clock.setTimeout(end, timeoutMs)
      const stopListening = this.#ledger.onChange(after => {
        if (after.commandId === commandId && isFinal(after.status)) end()
      })
      this.#waits.add(end)
      // The command may have ended before the listener was added.
      if (!this.#isOpen || this.#ledger.live(commandId) === undefined) end()
    })
    return (await this.#ledger.get(commandId)) ?? command
  }
}
