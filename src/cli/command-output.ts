import type { DashboardClient, DashboardTerminal } from '@fleetwire/client/node'
import type { Command } from '@fleetwire/protocol'
import { systemClock } from '../clock.ts'
import { fetchText } from './api.ts'
import type { Target } from './target.ts'

export interface CommandOutputOptions {
  target: Target
  dashboard: DashboardClient
  command: Pick<Command, 'agentId' | 'commandId'>
  /** `now`: only the output from the time of opening on. */
  from: 'start' | 'now'
  write(bytes: Uint8Array, offset: number): void
  /** Called if bytes are no longer available; `screen` is the current screen, to show instead. */
  gap?(screen: string): void
  /** Called after the last byte. */
  end?(): void
}

/** Deadline for the last output: an agent that has reported the end of a command sends it right away, or is gone. */
const LAST_OUTPUT_MS = 5000

/**
 * A command with an exit code had a terminal, whose end is reported after the last byte. A prompt without `outputBytes`
 * was typed into the terminal of its agent instead.
 */
export const hadTerminal = ({ exitCode, outputBytes, kind }: Command): boolean =>
  exitCode !== undefined && (kind !== 'prompt' || outputBytes !== undefined)

/**
 * The output of a command, each byte once and in order. A viewer that joins a terminal after its first byte gets a
 * screen first, which is not plain text, so the bytes before it are read from the server's recording instead.
 */
export class CommandOutput {
  readonly #options: CommandOutputOptions
  readonly #terminal: DashboardTerminal
  readonly #exited: Promise<void>
  /** The offset after the last byte that was written; with `now`, undefined until the first screen arrives. */
  #at: number | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(options: CommandOutputOptions) {
    const { dashboard, command } = options
    this.#options = options
    this.#at = options.from === 'start' ? 0 : undefined
    let exit = () => {}
    this.#exited = new Promise(resolve => {
      exit = resolve
    })
    this.#terminal = dashboard.openTerminal({
      agentId: command.agentId,
      terminalId: command.commandId,
      // A terminal must not get the program's queries: it would type its responses into this process.
      raw: !process.stdout.isTTY,
      onSnapshot: ({ offset, screen }) => this.#next(() => this.#joined(offset, screen)),
      onOutput: (bytes, { offset }) => this.#next(() => this.#write(bytes, offset)),
      onExit: () => exit(),
    })
  }

  /** Resolves when everything that the command wrote before its end has been written. */
  async end(ended: Command): Promise<void> {
    if (hadTerminal(ended)) await Promise.race([this.#exited, this.#tooLate()])
    await this.#turn
    this.#terminal.close()
    this.#options.end?.()
  }

  get isEmpty(): boolean {
    return this.#at === 0
  }

  /** Runs steps one after the other: while a recording is fetched, later bytes wait. */
  #next(step: () => void | Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(step)
    return this.#turn
  }

  #write(bytes: Uint8Array, offset: number): void {
    const fresh = bytes.subarray(Math.max(0, (this.#at ?? offset) - offset))
    if (fresh.length === 0) return
    this.#at = offset + bytes.length
    this.#options.write(fresh, this.#at - fresh.length)
  }

  async #joined(offset: number, screen: string): Promise<void> {
    this.#at ??= offset
    if (offset <= this.#at) return
    const recorded = await this.#recording()
    if (recorded !== undefined && recorded.length >= offset) return this.#write(recorded.subarray(0, offset), 0)
    this.#at = offset
    this.#options.gap?.(screen)
  }

  /** All bytes from the first on; undefined if some are missing, or are not text and so not recorded exactly. */
  async #recording(): Promise<Uint8Array | undefined> {
    const { target, command } = this.#options
    const path = `/agents/${command.agentId}/terminal?format=cast&terminalId=${command.commandId}`
    const lines = await fetchText(target, path).catch(() => '')
    const events = lines
      .split('\n')
      .slice(1, -1)
      .map(line => JSON.parse(line) as [seconds: number, code: string, data: string])
    const text = events.map(([, code, data]) => (code === 'o' ? data : '')).join('')
    return events.some(([, code]) => code === 'm') || text.includes('\ufffd') ? undefined : Buffer.from(text)
  }

  #tooLate(): Promise<void> {
    return new Promise(resolve => {
      const timer = systemClock.setTimeout(resolve, LAST_OUTPUT_MS)
      void this.#exited.then(() => timer.cancel())
    })
  }
}
