import type { DashboardClient, DashboardTerminal } from '@fleetwire/client/node'
import type { Command } from '@fleetwire/protocol'
import { systemClock } from '../clock.ts'
import { fetchText } from './api.ts'
import type { Target } from './target.ts'

export interface CommandOutputOptions {
  target: Target
  dashboard: DashboardClient
  command: Pick<Command, 'agentId' | 'commandId'>
  /** `now`: only what comes after it was opened. */
  from: 'start' | 'now'
  write(bytes: Uint8Array, offset: number): void
  /** Bytes that nobody has any more; the screen as it is now stands for them. */
  gap?(screen: string): void
  /** After the last byte. */
  end?(): void
}

/** An agent that has said how its command ended sends what is left of the output right away, or is gone. */
const LAST_OUTPUT_MS = 5000

/**
 * What a command writes, each byte once and in order. A terminal that is joined later than its first byte begins with a
 * screen, and a screen is no text: what it stands for is read from the server's recording instead.
 */
export class CommandOutput {
  readonly #options: CommandOutputOptions
  readonly #terminal: DashboardTerminal
  readonly #exited: Promise<void>
  /** Offset after the last byte that was written; nothing before the first screen of `now`. */
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
      // On a terminal, that one would type its answers into this program.
      raw: !process.stdout.isTTY,
      onSnapshot: ({ offset, screen }) => this.#next(() => this.#joined(offset, screen)),
      onOutput: (bytes, { offset }) => this.#next(() => this.#write(bytes, offset)),
      onExit: () => exit(),
    })
  }

  /** Resolves when everything has been written that the command wrote before it ended. */
  async end({ exitCode }: Command): Promise<void> {
    // Whoever tells an exit code has had a terminal, and tells of its end after the last byte.
    if (exitCode !== undefined) await Promise.race([this.#exited, this.#tooLate()])
    await this.#turn
    this.#terminal.close()
    this.#options.end?.()
  }

  get isEmpty(): boolean {
    return this.#at === 0
  }

  /** One after the other: while a recording is fetched the bytes behind it wait. */
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

  /** All bytes from the first on; nothing where some are gone, or are no text and so not recorded as they were. */
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
