import type { InitializeResponse } from '@agentclientprotocol/sdk'
import type { AgentClient, CommandRun } from '@fleetwire/client'
import type { CommandOutcome } from '@fleetwire/protocol'
import { systemClock } from '../clock.ts'
import type { LiveSession } from './live-session.ts'
import { messageStream } from './message-stream.ts'
import { orAborted } from './or-aborted.ts'
import { AcpPeer } from './peer.ts'
import { AcpProgram, describeExit, type ProgramExit, type ProgramOptions } from './program.ts'
import { programAnswers } from './program-answers.ts'
import { promptContent } from './prompt-content.ts'
import type { Root } from './root.ts'
import type { SessionStore } from './session-store.ts'
import { Sessions } from './sessions.ts'
import { Terminals } from './terminals.ts'
import { describeError, failed, failureOf } from './turn-outcome.ts'
import { within } from './within.ts'

export interface LifeOptions {
  program: ProgramOptions
  root: Root
  store: SessionStore
  client: () => AgentClient
  version: string
  newId: () => string
  /** Prints a message for the person at the terminal. */
  say(text: string): void
  /** The initial mode of new sessions. */
  mode: string | undefined
  /** The id of the authentication method to log in with, if any. */
  auth: string | undefined
  allowWrite: boolean
  allowTerminals: boolean
  /** A question that is not answered within this time is denied. Undefined: no limit. */
  askTimeoutMs: number | undefined
  terminalTimeoutMs: number
}

/** Generous, since a program may be downloaded first, as with `npx`. */
const START_MS = 120_000
/** A program that fails during start-up usually exits soon. Its exit explains more than the failed request. */
const LAST_WORDS_MS = 200

/** One run of the program: its capabilities and sessions, and everything that ends with it. */
export class ProgramLife {
  /** Resolves when the program has exited, its commands have ended and everything left open is reported as ended. */
  readonly exited: Promise<ProgramExit>
  readonly #options: LifeOptions
  readonly #program: AcpProgram
  readonly #peer: AcpPeer
  readonly #terminals: Terminals
  readonly #sessions: Sessions
  #agent: InitializeResponse | undefined
  #killed = false

  /** Rejects if the program cannot be started or does not speak the protocol. Nothing is left running then. */
  static async start(options: LifeOptions): Promise<ProgramLife> {
    const program = await AcpProgram.start(options.program)
    const life = new ProgramLife(program, options)
    try {
      await life.#initialize()
      return life
    } catch (error) {
      const exit = await within(systemClock, LAST_WORDS_MS, program.exited)
      await life.stop()
      throw new Error(exit === undefined ? describeError(error).message : `it ended: ${describeExit(exit)}`)
    }
  }

  private constructor(program: AcpProgram, options: LifeOptions) {
    this.#options = options
    this.#program = program
    const { client, newId, store, say, mode, root, allowTerminals, allowWrite, askTimeoutMs } = options
    this.#terminals = new Terminals({
      ...{ env: options.program.env, newId, timeoutMs: options.terminalTimeoutMs },
      openTerminal: terminal => client().openTerminal(terminal),
    })
    this.#sessions = new Sessions({
      ...{ peer: () => this.#peer, store, client, newId, say, cwd: root.path, mode },
      onUnstoppable: () => this.#kill(),
      exit: async () => describeExit(await program.exited),
      onClosed: acpId => this.#terminals.end(acpId),
    })
    const { stdin, stdout } = program
    const onNoise = (text: string) => options.program.onStderr(text)
    this.#peer = new AcpPeer(messageStream({ stdin, stdout, onNoise }), {
      version: options.version,
      onUpdate: notification => this.#sessions.updated(notification),
      answers: programAnswers({
        ...{ root, sessions: this.#sessions, terminals: this.#terminals, client, newId },
        ...{ gone: () => this.#peer.gone, allowWrite, allowTerminals, askTimeoutMs },
      }),
    })
    // A program that closed its end of the connection is useless.
    this.#peer.gone.addEventListener('abort', () => void program.stop())
    this.exited = program.exited.then(async exit => {
      this.#peer.close()
      await this.#terminals.end()
      await Promise.all(this.#sessions.all().map(session => session.end('The program ended.')))
      return exit
    })
  }

  /** The program's name and version as reported by itself, such as `claude-code-acp 0.20.1`. */
  get name(): string {
    const { name, title, version } = this.#agent?.agentInfo ?? {}
    return [title || name || 'the program', version].filter(Boolean).join(' ')
  }

  /** The program was killed because a cancelled turn did not end. */
  get wasKilled(): boolean {
    return this.#killed
  }

  /** Ends the program, gracefully at first. Resolves when nothing of it is left. */
  async stop(): Promise<void> {
    await this.#program.stop()
    await this.exited
  }

  /** Cancels the turns, waits up to `graceMs` for them to end, then ends the program. */
  async cancelAndStop(graceMs: number): Promise<void> {
    const ended = Promise.all(this.#sessions.all().map(session => session.stop()))
    await within(systemClock, graceMs, ended)
    await this.stop()
  }

  async prompt(run: CommandRun): Promise<CommandOutcome> {
    const content = promptContent(run.input, this.#agent?.agentCapabilities?.promptCapabilities)
    if (!content.ok) return failed('invalid_input', content.message)
    // A new conversation is titled after its first prompt. The program may send a better title.
    const sessionId = run.sessionId ?? run.commandId
    if (this.#options.store.acpIdOf(sessionId) === undefined)
      run.report('session:start', { sessionId, title: titleOf(content.text) })
    return this.#inSession(run, session => session.prompt(run, content.blocks))
  }

  /** The input is a mode id, or `{ modeId }`. */
  async setMode(run: CommandRun): Promise<CommandOutcome> {
    const modeId = typeof run.input === 'string' ? run.input.trim() : (run.input as { modeId?: unknown } | null)?.modeId
    if (typeof modeId !== 'string' || modeId === '') return failed('invalid_input', 'invalid input: name a mode.')
    if (run.sessionId === undefined) return failed('invalid_input', 'A mode belongs to a session: name one.')
    return this.#request(run, async session => {
      await this.#peer.request('session/set_mode', { sessionId: session.acpId, modeId })
      session.view.share('mode', modeId)
      return { status: 'succeeded', output: modeId }
    })
  }

  /** The input is `{ configId, value }`. */
  async setConfig(run: CommandRun): Promise<CommandOutcome> {
    const { configId, value } = (run.input ?? {}) as { configId?: unknown; value?: unknown }
    if (typeof configId !== 'string' || (typeof value !== 'string' && typeof value !== 'boolean'))
      return failed('invalid_input', 'invalid input: give a configId and its value, a text or a boolean.')
    if (run.sessionId === undefined) return failed('invalid_input', 'An option belongs to a session: name one.')
    return this.#request(run, async session => {
      const of = { sessionId: session.acpId, configId }
      const params = typeof value === 'boolean' ? { ...of, type: 'boolean' as const, value } : { ...of, value }
      const response = await this.#peer.request('session/set_config_option', params)
      if (Array.isArray(response?.configOptions)) session.view.share('config', response.configOptions)
      return { status: 'succeeded' }
    })
  }

  /** An interrupt while the session is being opened takes effect at once. */
  async #inSession(run: CommandRun, act: (session: LiveSession) => Promise<CommandOutcome>): Promise<CommandOutcome> {
    try {
      const session = await orAborted(this.#sessions.ofRun(run), run.signal)
      return session === 'aborted' ? { status: 'cancelled' } : await act(session)
    } catch (error) {
      if (!this.#peer.gone.aborted) return failureOf(error, run.signal.aborted)
      const how = describeExit(await this.#program.exited)
      return run.signal.aborted ? { status: 'cancelled' } : failed('program_ended', `The program ended: ${how}.`)
    }
  }

  /** For session requests other than prompts: the protocol cannot cancel them, so an interrupt only stops waiting. */
  async #request(run: CommandRun, act: (session: LiveSession) => Promise<CommandOutcome>): Promise<CommandOutcome> {
    return this.#inSession(run, async session => {
      const outcome = await orAborted(act(session), run.signal)
      return outcome === 'aborted' ? { status: 'cancelled', detail: 'The program may still do it.' } : outcome
    })
  }

  async #initialize(): Promise<void> {
    this.#agent = await within(systemClock, START_MS, this.#peer.initialize())
    if (this.#agent === undefined) throw new Error(`it did not answer within ${START_MS / 1000} s`)
    this.#sessions.initialized(this.#agent)
    const { auth } = this.#options
    if (auth !== undefined) await this.#peer.request('authenticate', { methodId: auth })
  }

  #kill(): void {
    this.#killed = true
    this.#options.say('a turn did not end after it was cancelled: the program is killed and restarted')
    void this.#program.kill()
  }
}

const titleOf = (text: string): string => text.trim().split('\n', 1)[0]!.slice(0, 120)
