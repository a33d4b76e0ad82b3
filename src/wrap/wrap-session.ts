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

/** What the session uses of its client. */
export type WrapClient = Pick<AgentClient, 'openTerminal' | 'report' | 'status' | 'running'>

export interface WrapOptions {
  client: WrapClient
  clock: Clock
  /** What people call the program. */
  name: string
  file: string
  args: readonly string[]
  env: Record<string, string>
  cwd: string
  manners: ProgramManners
  /** The terminal that the agent was started on, if there is one. */
  local?: LocalTerminal | undefined
  /** Where there is none. */
  cols?: number
  rows?: number
}

const TERMINAL_ID = 'main'
/** The screen is judged at most so often. */
const LOOK_MS = 100
/** Keys of viewers that the program does not read. A real terminal drops keys as well. */
const MAX_AHEAD_BYTES = 64 * 1024
/** What is said before this process is stopped is on its way by then. */
const LEAVE_MS = 50
/** A program that prints nothing at its start is ready by then. */
const SILENT_START_MS = 3000
const SUSPENDED = 'suspended at its own terminal (Ctrl-Z): fg there continues it'

/**
 * One program, its terminal, and those who watch it and type into it. The size has one owner: the local terminal, where
 * there is one, else the viewer that holds it on the server. The program is asked nothing and told nothing: without a
 * server it goes on alone.
 */
export class WrapSession {
  readonly name: string
  readonly manners: ProgramManners
  readonly screen: ProgramScreen
  readonly program: WrappedProgram
  /** Knows what the program does. What the program says of itself is told to it. */
  readonly judge: WorkJudge
  /** Resolves when the program has ended, and its output is shown. */
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

  /** Starts the program. Throws if the system gives it no terminal. */
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
    // The server takes an agent of which it has heard nothing for idle.
    this.#sayAgain()
  }

  /** For how long the program has printed nothing. */
  get silentMs(): number {
    return this.#clock.monotonic() - this.#outputAt
  }

  /** Whether it can be given something to do. */
  get isReady(): boolean {
    const { work } = this.judge.verdict
    return work === 'idle' || (work === 'starting' && this.#clock.monotonic() - this.#startedAt >= SILENT_START_MS)
  }

  onVerdict(listener: (verdict: WorkVerdict) => void): () => void {
    return this.#changes.add(listener)
  }

  /** Types into the program and submits it. What others type meanwhile comes after it. */
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

  /** The server forgets what it was told of this agent's work when a command ends. */
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
    // With a person in front of it, the program does not wait for the network: viewers miss output then, and are told.
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

  /** A viewer holds the size, but where there is a local terminal, that one has it. */
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

  /** Who presses Ctrl-Z at the local terminal wants its shell. Nobody else has one: for them, the program goes on. */
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

  /** A command that runs says itself what it does. While there is no connection, nothing is kept for later. */
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
