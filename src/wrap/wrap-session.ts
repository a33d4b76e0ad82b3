import type { AgentClient, AgentTerminal } from '@fleetwire/client'
import type { Clock, Timer } from '../clock.ts'
import type { PtyExit } from '../exec/pty.ts'
import { Listeners } from '../listeners.ts'
import { Guardian } from './guardian.ts'
import type { ProgramManners } from './judge/program-manners.ts'
import type { WorkJudge, WorkVerdict } from './judge/work-judge.ts'
import type { LocalTerminal } from './local-terminal.ts'
import { ProgramScreen } from './program-screen.ts'
import { WrappedProgram } from './wrapped-program.ts'

/** The parts of the client that the session uses. */
export type WrapClient = Pick<AgentClient, 'openTerminal' | 'report' | 'status' | 'running'>

export interface WrapOptions {
  client: WrapClient
  clock: Clock
  /** The program's name, for people. */
  name: string
  file: string
  args: readonly string[]
  env: Record<string, string>
  cwd: string
  manners: ProgramManners
  /** The terminal that the agent was started on, if any. */
  local?: LocalTerminal | undefined
  /** The size without a local terminal. */
  cols?: number
  rows?: number
}

const TERMINAL_ID = 'main'
/** Minimum time between two judgements of the screen. */
const LOOK_MS = 100
/** Limit of keys from viewers that the program has not read. More are dropped, as in a real terminal. */
const MAX_AHEAD_BYTES = 64 * 1024
/** Time for a last report to be sent before this process is stopped. */
const LEAVE_MS = 50
/** A program that prints nothing at start-up counts as ready after this time. */
const SILENT_START_MS = 3000
const SUSPENDED = 'suspended at its own terminal (Ctrl-Z): continue it there with fg'

/**
 * One program, its terminal, and everybody who watches it or types into it. The size has one owner: the local terminal
 * if there is one, else the viewer that holds it on the server. The program needs no knowledge of Fleetwire, and keeps
 * running without a server.
 */
export class WrapSession {
  readonly name: string
  readonly manners: ProgramManners
  readonly screen: ProgramScreen
  readonly program: WrappedProgram
  /** Judges what the program is doing, also from the program's own reports. */
  readonly judge: WorkJudge
  /** Resolves when the program has ended and its output is shown. */
  readonly ended: Promise<PtyExit>
  readonly #client: WrapClient
  readonly #clock: Clock
  readonly #local: LocalTerminal | undefined
  readonly #terminal: AgentTerminal
  readonly #guardian: Guardian
  readonly #changes = new Listeners<[WorkVerdict]>()
  readonly #startedAt: number
  #size: { cols: number; rows: number }
  #said = ''
  #outputAt: number
  #keysFrom: 'local' | 'remote' = 'local'
  #looking: Timer | undefined
  #isSuspended = false
  #isOver = false

  /** Starts the program. Throws if no terminal is available for it. */
  constructor(options: WrapOptions) {
    const { client, clock, name, file, args, env, cwd, manners, local, cols = 80, rows = 24 } = options
    this.name = name
    this.manners = manners
    this.#client = client
    this.#clock = clock
    this.#local = local
    this.#startedAt = clock.monotonic()
    this.#outputAt = this.#startedAt
    this.#size = local?.size ?? { cols, rows }
    this.screen = new ProgramScreen({
      ...this.#size,
      onAnswer: local ? undefined : keys => void this.program.type(keys),
    })
    this.#terminal = client.openTerminal({
      terminalId: TERMINAL_ID,
      ...this.#size,
      local: true,
      onInput: keys => this.#remoteKeys(keys),
      onResize: size => this.#wanted(size),
    })
    this.judge = manners.createJudge(clock, verdict => this.#judged(verdict))
    this.program = new WrappedProgram({
      ...{ file, args, env, cwd, clock, ...this.#size },
      settings: local?.settings,
      onOutput: bytes => this.#output(bytes),
      onStop: () => this.#stopped(),
    })
    local?.lend({
      onKeys: keys => this.#localKeys(keys),
      onResize: size => this.#resize(size),
      onModes: undo => this.#guardian.undo(undo),
    })
    this.#guardian = new Guardian(this.program.pid, local?.guarded)
    client.status.subscribe(({ state }) => {
      if (state === 'online') this.#sayAgain()
    })
    this.ended = this.#wait()
    // The server treats an agent without a reported status as idle.
    this.#sayAgain()
  }

  /** How long the program has printed nothing. */
  get silentMs(): number {
    return this.#clock.monotonic() - this.#outputAt
  }

  /** Whether the program can take a prompt. */
  get isReady(): boolean {
    const { work } = this.judge.verdict
    return work === 'idle' || (work === 'starting' && this.#clock.monotonic() - this.#startedAt >= SILENT_START_MS)
  }

  onVerdict(listener: (verdict: WorkVerdict) => void): () => void {
    return this.#changes.add(listener)
  }

  /** Types into the program and submits. Keys that others type in the meantime come afterwards. */
  async submit(keys: string): Promise<void> {
    this.judge.input()
    await this.program.alone(async type => {
      await type(keys)
      await new Promise<void>(resolve => this.#clock.setTimeout(resolve, this.manners.submitAfterMs))
      this.judge.input()
      await type(this.manners.submit)
    })
  }

  interrupt(): void {
    this.judge.interrupted()
    this.program.press(this.manners.interrupt)
  }

  /** Reports the status again, since the server drops it when a command ends. */
  runEnded(commandId: string): void {
    const look = () => {
      if (this.#client.running.includes(commandId)) this.#clock.setTimeout(look, LOOK_MS)
      else this.#sayAgain()
    }
    this.#clock.setTimeout(look, 0)
  }

  #output(bytes: Uint8Array): Promise<void> | undefined {
    this.#outputAt = this.#clock.monotonic()
    const remote = this.#terminal.write(bytes)
    const shown = this.#local?.show(bytes)
    const drawn = this.screen.write(bytes, () => this.#drawn())
    this.judge.output()
    // With a local terminal, the program does not wait for the network. Viewers may then miss output, which is
    // reported.
    const waits = [this.#local ? undefined : remote, shown, drawn].filter(wait => wait !== undefined)
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => {})
  }

  #drawn(): void {
    this.#looking ??= this.#clock.setTimeout(() => {
      this.#looking = undefined
      this.judge.screen(this.screen.view())
    }, LOOK_MS)
  }

  #localKeys(keys: Uint8Array): Promise<void> {
    this.#keysFrom = 'local'
    this.judge.input()
    return this.program.type(keys)
  }

  #remoteKeys(keys: string): void {
    if (this.program.aheadBytes >= MAX_AHEAD_BYTES) return
    this.#keysFrom = 'remote'
    this.judge.input()
    void this.program.type(keys)
  }

  /** A viewer wants another size. It has no effect if there is a local terminal, which then owns the size. */
  #wanted(size: { cols: number; rows: number }): void {
    if (this.#local === undefined) this.#resize(size)
  }

  #resize(size: { cols: number; rows: number }): void {
    const isNew = size.cols !== this.#size.cols || size.rows !== this.#size.rows
    this.#size = size
    if (!isNew) return
    this.program.resize(size)
    this.screen.resize(size)
    this.#terminal.resize(size.cols, size.rows)
  }

  /** Ctrl-Z at the local terminal returns to its shell. Viewers have no shell, so for them the program is continued. */
  #stopped(): void {
    const local = this.#local
    if (local === undefined || this.#keysFrom === 'remote') {
      this.program.resume()
      return
    }
    if (this.#isSuspended) return
    this.#isSuspended = true
    this.#say({ work: 'waiting', detail: SUSPENDED, evidence: 'reported' })
    this.#clock.setTimeout(() => {
      local.suspend()
      this.#isSuspended = false
      this.program.resume()
      this.#sayAgain()
    }, LEAVE_MS)
  }

  #judged(verdict: WorkVerdict): void {
    if (!this.#isSuspended) this.#say(verdict)
    this.#changes.tell(verdict)
  }

  #sayAgain(): void {
    this.#said = ''
    if (!this.#isSuspended) this.#say(this.judge.verdict)
  }

  /** Reports the status, unless a running command reports its own. While offline, nothing is kept for later. */
  #say({ work, detail, evidence }: WorkVerdict): void {
    const isHeard = this.#client.status.value.state === 'online' && !this.#isOver
    if (!isHeard || (this.#client.running.length > 0 && !this.#isSuspended)) return
    const said = `${work} ${evidence} ${detail}`
    if (said === this.#said) return
    this.#said = said
    this.#client.report('agent:status', { work, detail: detail.slice(0, 500), evidence })
  }

  async #wait(): Promise<PtyExit> {
    const exit = await this.program.ended
    this.#isOver = true
    this.#looking?.cancel()
    this.judge.stop()
    await this.#local?.flushed(new Promise(resolve => this.#clock.setTimeout(resolve, LEAVE_MS * 20)))
    this.#local?.giveBack()
    this.#guardian.end()
    await this.screen.settled()
    this.#terminal.exit(exit)
    return exit
  }
}
