import type { Writable } from 'node:stream'
import type { DashboardClient, DashboardTerminal } from '@fleetwire/client/node'
import type { Command } from '@fleetwire/protocol'
import { systemClock } from '../clock.ts'
import { CliError } from './cli-error.ts'
import { hadTerminal } from './command-output.ts'

/** Deadline for the last output: an agent that has reported the end of a command sends it right away, or is gone. */
const LAST_OUTPUT_MS = 10_000

export interface PipedOutputOptions {
  dashboard: DashboardClient
  command: Pick<Command, 'agentId' | 'commandId'>
  to: Writable
  onTaken(offset: number): void
}

/** The original bytes of a command that runs on pipes. The command waits for this reader. */
export class PipedOutput {
  readonly terminal: DashboardTerminal
  /** Rejects if this token may not read the output this way. */
  readonly refused: Promise<never>
  readonly #to: Writable
  readonly #exited: Promise<void>
  #turn: Promise<void> = Promise.resolve()
  #heldCr = false
  #missing = 0
  #bytes = 0

  constructor({ dashboard, command, to, onTaken }: PipedOutputOptions) {
    this.#to = to
    let exit = () => {}
    this.#exited = new Promise(resolve => {
      exit = resolve
    })
    let refuse: (error: Error) => void = () => {}
    this.refused = new Promise((_, reject) => {
      refuse = reject
    })
    this.refused.catch(() => {})
    this.terminal = dashboard.openTerminal({
      agentId: command.agentId,
      terminalId: command.commandId,
      mode: 'whole',
      onOutput: (bytes, { gap }) => {
        if (gap !== undefined) this.#missing += gap.to - gap.from
        const plain = this.#plain(bytes)
        this.#turn = this.#turn.then(() => this.#write(plain))
        return this.#turn
      },
      onTaken,
      onExit: () => exit(),
      onError: error => refuse(new CliError('denied', error.message)),
    })
  }

  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /** Resolves when everything is written; describes what is missing, if anything. */
  async end(ended: Command): Promise<string | undefined> {
    const { stdio, outputBytes } = ended
    if (hadTerminal(ended)) await Promise.race([this.#exited, this.#tooLate()])
    this.terminal.close()
    await this.#turn
    if (this.#heldCr) await this.#write(Buffer.from('\r'))
    if (this.#missing > 0) return `${this.#missing} bytes of the output were discarded before they could be read`
    if (stdio !== 'pipe' || outputBytes === undefined || outputBytes === this.#bytes) return undefined
    return `${this.#bytes} of ${outputBytes} bytes of the output arrived`
  }

  /** Removes one CR from each CR LF: the agent added a CR to each LF. */
  #plain(bytes: Uint8Array): Buffer {
    // latin1 has one character per byte, so no byte changes.
    const text = (this.#heldCr ? '\r' : '') + Buffer.from(bytes).toString('latin1')
    this.#heldCr = text.endsWith('\r')
    return Buffer.from((this.#heldCr ? text.slice(0, -1) : text).replaceAll('\r\n', '\n'), 'latin1')
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#bytes += bytes.length
    if (bytes.length > 0) await new Promise<void>(resolve => this.#to.write(bytes, () => resolve()))
  }

  #tooLate(): Promise<void> {
    return new Promise(resolve => {
      const timer = systemClock.setTimeout(resolve, LAST_OUTPUT_MS)
      void this.#exited.then(() => timer.cancel())
    })
  }
}
