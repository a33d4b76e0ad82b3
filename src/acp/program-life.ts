import type { InitializeResponse, SessionNotification, SessionUpdate } from '@agentclientprotocol/sdk'
import type { AgentClient, CommandRun } from '@fleetwire/client'
import type { CommandOutcome } from '@fleetwire/protocol'
import { systemClock } from '../clock.ts'
import { AcpError, acpCodes } from './acp-error.ts'
import { elicitationAnswer, elicitationQuestion } from './elicitation.ts'
import { idlePort } from './idle-port.ts'
import { LiveSession } from './live-session.ts'
import { messageStream } from './message-stream.ts'
import { AcpPeer, type PeerOptions } from './peer.ts'
import { outcomeOf, permissionOf } from './permission.ts'
import { AcpProgram, describeExit, type ProgramExit, type ProgramOptions } from './program.ts'
import { promptContent } from './prompt-content.ts'
import type { Root } from './root.ts'
import type { SessionStore } from './session-store.ts'
import { SessionView } from './session-view.ts'
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
  /** Tells the person at the terminal. */
  say(text: string): void
  /** The mode that new sessions begin in. */
  mode?: string | undefined
  /** How to log in where the program wants it. */
  auth?: string | undefined
  allowWrite: boolean
  allowTerminals: boolean
  /** A question that nobody answers is answered with no. */
  askTimeoutMs?: number | undefined
  terminalTimeoutMs: number
}

type Asked = Parameters<AgentClient['ask']>[0]

/** Programs that are fetched first, as `npx` does, take their time. */
const START_MS = 120_000
const LAST_WORDS_MS = 200
/** A session that was not used for longest is closed when there are more, where the program can take it up again. */
const MAX_OPEN_SESSIONS = 64
/** Updates of a session that the program told before it told the session's id. */
const MAX_EARLY = 100
const NOT_CONTINUED =
  'The program was started again and could not take up this conversation: it does not know what was said before.'

/** The program from its start to its end, with the sessions that it has open. */
export class ProgramLife {
  readonly exited: Promise<ProgramExit>
  /** We ended it because a turn did not end. */
  killed = false
  readonly #options: LifeOptions
  readonly #program: AcpProgram
  readonly #peer: AcpPeer
  readonly #terminals: Terminals
  readonly #sessions = new Map<string, Promise<LiveSession>>()
  readonly #byAcpId = new Map<string, LiveSession>()
  readonly #early = new Map<string, SessionUpdate[]>()
  /** Sessions that are taken up again: the program tells all that was said in them, which is known here. */
  readonly #replayed = new Set<string>()
  #agent: InitializeResponse | undefined

  /** Rejects, with nothing left running, if the program cannot be started or does not speak the protocol. */
  static async start(options: LifeOptions): Promise<ProgramLife> {
    const program = await AcpProgram.start(options.program)
    const life = new ProgramLife(program, options)
    try {
      await life.#initialize()
      return life
    } catch (error) {
      // Often it has ended already, which says more than the end of the connection.
      const exit = await within(systemClock, LAST_WORDS_MS, program.exited)
      await life.stop()
      throw new Error(exit === undefined ? describeError(error).message : `it ended: ${describeExit(exit)}`)
    }
  }

  private constructor(program: AcpProgram, options: LifeOptions) {
    this.#options = options
    this.#program = program
    this.#terminals = new Terminals({
      env: options.program.env,
      newId: options.newId,
      openTerminal: terminal => options.client().openTerminal(terminal),
      timeoutMs: options.terminalTimeoutMs,
    })
    const { stdin, stdout } = program
    const onNoise = (text: string) => options.program.onStderr(text)
    this.#peer = new AcpPeer(messageStream({ stdin, stdout, onNoise }), {
      version: options.version,
      onUpdate: notification => this.#updated(notification),
      answers: this.#answers(),
    })
    // A program that closed its end of the connection is of no use any more.
    this.#peer.gone.addEventListener('abort', () => void program.stop())
    this.exited = program.exited.then(async exit => {
      this.#peer.close()
      await this.#ended()
      return exit
    })
  }

  /** `claude-code-acp 0.20.1`, as it calls itself. */
  get name(): string {
    const { name, title, version } = this.#agent?.agentInfo ?? {}
    return [title || name || 'the program', version].filter(Boolean).join(' ')
  }

  /** Ends the program, politely first. Resolves when nothing of it is left. */
  async stop(): Promise<void> {
    await this.#program.stop()
    await this.exited
  }

  /** Lets the turns end as cancelled, then ends the program. */
  async cancelAndStop(graceMs: number): Promise<void> {
    const turns = [...this.#byAcpId.values()].filter(({ isIdle }) => !isIdle)
    for (const { acpId } of turns) this.#peer.cancel(acpId)
    await within(systemClock, graceMs, Promise.all(turns.map(turn => turn.settled)))
    await this.stop()
  }

  async prompt(run: CommandRun): Promise<CommandOutcome> {
    const content = promptContent(run.input, this.#agent?.agentCapabilities?.promptCapabilities)
    if (!content.ok) return failed('invalid_input', content.message)
    return this.#inSession(run, session => session.turn(run, content.blocks, content.text))
  }

  /** `input`: the id of a mode. */
  async setMode(run: CommandRun): Promise<CommandOutcome> {
    const modeId = typeof run.input === 'string' ? run.input.trim() : (run.input as { modeId?: unknown } | null)?.modeId
    if (typeof modeId !== 'string' || modeId === '') return failed('invalid_input', 'invalid input: name a mode.')
    if (run.sessionId === undefined) return failed('invalid_input', 'A mode is that of a session: name one.')
    return this.#inSession(run, async session => {
      await this.#peer.request('session/set_mode', { sessionId: session.acpId, modeId })
      session.view.share('mode', modeId)
      return { status: 'succeeded', output: modeId }
    })
  }

  /** `input`: `{ configId, value }`. */
  async setConfig(run: CommandRun): Promise<CommandOutcome> {
    const { configId, value } = (run.input ?? {}) as { configId?: unknown; value?: unknown }
    if (typeof configId !== 'string' || (typeof value !== 'string' && typeof value !== 'boolean'))
      return failed('invalid_input', 'invalid input: give a configId and its value, a text or true or false.')
    if (run.sessionId === undefined) return failed('invalid_input', 'An option is that of a session: name one.')
    return this.#inSession(run, async session => {
      const of = { sessionId: session.acpId, configId }
      const params = typeof value === 'boolean' ? { ...of, type: 'boolean' as const, value } : { ...of, value }
      const response = await this.#peer.request('session/set_config_option', params)
      if (Array.isArray(response?.configOptions)) session.view.share('config', response.configOptions)
      return { status: 'succeeded' }
    })
  }

  async #inSession(run: CommandRun, act: (session: LiveSession) => Promise<CommandOutcome>): Promise<CommandOutcome> {
    try {
      return await act(await this.#session(run))
    } catch (error) {
      if (!this.#peer.gone.aborted) return failureOf(error, run.signal.aborted)
      const how = describeExit(await this.#program.exited)
      return run.signal.aborted ? { status: 'cancelled' } : failed('program_ended', `The program ended: ${how}.`)
    }
  }

  async #initialize(): Promise<void> {
    this.#agent = await within(systemClock, START_MS, this.#peer.initialize())
    if (this.#agent === undefined) throw new Error(`it did not answer within ${START_MS / 1000} s`)
    const { auth } = this.#options
    if (auth !== undefined) await this.#peer.request('authenticate', { methodId: auth })
  }

  /** The session of a run, as the program has it open. */
  #session(run: CommandRun): Promise<LiveSession> {
    const sessionId = run.sessionId ?? run.commandId
    const known = this.#sessions.get(sessionId)
    if (known !== undefined) {
      // The latest used is the last.
      this.#sessions.delete(sessionId)
      this.#sessions.set(sessionId, known)
      return known
    }
    const opening = this.#open(sessionId)
    this.#sessions.set(sessionId, opening)
    opening.catch(() => this.#sessions.delete(sessionId))
    void this.#closeIdle()
    return opening
  }

  async #open(sessionId: string): Promise<LiveSession> {
    const { store, root, mode } = this.#options
    const earlier = store.acpIdOf(sessionId)
    const taken = earlier === undefined ? undefined : await this.#takeUp(earlier)
    const of = { cwd: root.path, mcpServers: [] }
    const opened = taken ?? (await this.#peer.request('session/new', of).catch(error => this.#explain(error)))
    const acpId = taken === undefined ? (opened as { sessionId?: unknown } | undefined)?.sessionId : earlier
    if (typeof acpId !== 'string' || acpId === '') throw new Error('the program opened a session without an id')
    store.keepAcpId(sessionId, acpId)
    const session = this.#live(
      sessionId,
      acpId,
      earlier !== undefined && taken === undefined ? NOT_CONTINUED : undefined,
    )
    const { modes, configOptions } = opened ?? {}
    if (modes) {
      session.view.share('modes', modes.availableModes)
      session.view.share('mode', modes.currentModeId)
    }
    if (configOptions) session.view.share('config', configOptions)
    for (const update of this.#early.get(acpId) ?? []) session.apply(update)
    this.#early.delete(acpId)
    if (mode !== undefined && taken === undefined) {
      await this.#peer.request('session/set_mode', { sessionId: acpId, modeId: mode })
      session.view.share('mode', mode)
    }
    return session
  }

  /** Undefined if the program cannot take it up. */
  async #takeUp(acpId: string) {
    const { loadSession, sessionCapabilities } = this.#agent?.agentCapabilities ?? {}
    const of = { sessionId: acpId, cwd: this.#options.root.path, mcpServers: [] }
    this.#replayed.add(acpId)
    try {
      if (sessionCapabilities?.resume) return (await this.#peer.request('session/resume', of)) ?? {}
      if (loadSession) return (await this.#peer.request('session/load', of)) ?? {}
      return undefined
    } catch (error) {
      if (this.#peer.gone.aborted) throw error
      this.#options.say(`a conversation could not be taken up: ${describeError(error).message}`)
      return undefined
    } finally {
      this.#replayed.delete(acpId)
    }
  }

  #live(sessionId: string, acpId: string, note: string | undefined): LiveSession {
    const { newId, client, store } = this.#options
    const source = this.#agent?.agentInfo?.name.slice(0, 128) ?? 'acp'
    const idle = idlePort(sessionId, newId, client)
    const onOpenTasks = (tasks: string[]) => store.keepOpenTasks(sessionId, tasks)
    const view = new SessionView({ sessionId, acpId, source, newId: () => `plan_${newId()}`, onOpenTasks }, idle)
    const session = new LiveSession(
      {
        ...{ sessionId, acpId, view, peer: this.#peer, idle, source },
        onUnstoppable: () => this.#kill(),
        exit: async () => describeExit(await this.#program.exited),
      },
      note,
    )
    this.#byAcpId.set(acpId, session)
    return session
  }

  #kill(): void {
    this.killed = true
    this.#options.say('a turn did not end although it was cancelled: the program is killed and started again')
    void this.#program.kill()
  }

  async #closeIdle(): Promise<void> {
    const { sessionCapabilities, loadSession } = this.#agent?.agentCapabilities ?? {}
    if (!sessionCapabilities?.close || !(loadSession || sessionCapabilities.resume)) return
    for (const [sessionId, opening] of this.#sessions) {
      if (this.#sessions.size <= MAX_OPEN_SESSIONS) return
      const session = await opening.catch(() => undefined)
      if (!session?.isIdle) continue
      this.#sessions.delete(sessionId)
      this.#byAcpId.delete(session.acpId)
      await this.#terminals.end(session.acpId)
      await this.#peer.request('session/close', { sessionId: session.acpId }).catch(() => {})
    }
  }

  /** The program is gone: so are its commands, and nobody goes on with its plans. */
  async #ended(): Promise<void> {
    await this.#terminals.end()
    for (const session of this.#byAcpId.values()) {
      await session.settled
      try {
        session.view.end('The program ended.')
      } catch {
        // The next start ends them.
      }
    }
  }

  #updated({ sessionId, update }: SessionNotification): void {
    const session = this.#byAcpId.get(sessionId)
    const isHistory = /chunk$|^tool_call|^plan$/.test(update.sessionUpdate)
    if (session !== undefined) session.apply(update)
    else if (!(isHistory && this.#replayed.has(sessionId))) this.#keepEarly(sessionId, update)
  }

  #keepEarly(sessionId: string, update: SessionUpdate): void {
    const early = this.#early.get(sessionId) ?? []
    if (early.length >= MAX_EARLY || (early.length === 0 && this.#early.size >= MAX_EARLY)) return
    this.#early.set(sessionId, [...early, update])
  }

  #answers(): PeerOptions['answers'] {
    const { root, allowWrite, allowTerminals } = this.#options
    const terminals = this.#terminals
    return {
      'session/request_permission': async (request, signal) => {
        const session = this.#of(request.sessionId)
        session.apply({ sessionUpdate: 'tool_call_update', ...request.toolCall })
        const permission = permissionOf(request, session.view.tools.known(request.toolCall.toolCallId))
        const answer = await this.#ask(session, permission.question, signal)
        return { outcome: answer === undefined ? { outcome: 'cancelled' } : outcomeOf(answer, permission) }
      },
      'elicitation/create': async (request, signal) => {
        const question = elicitationQuestion(request)
        const { sessionId } = request as { sessionId?: unknown }
        const session = typeof sessionId === 'string' ? this.#of(sessionId) : undefined
        return elicitationAnswer(await this.#ask(session, question, signal))
      },
      'fs/read_text_file': async ({ sessionId, path, line, limit }) => {
        this.#of(sessionId)
        return { content: await root.readText(path, { line, limit }) }
      },
      ...(allowWrite && {
        'fs/write_text_file': async ({ sessionId, path, content }) => {
          this.#of(sessionId)
          await root.writeText(path, content)
          return {}
        },
      }),
      ...(allowTerminals && {
        'terminal/create': async ({ sessionId, cwd, ...request }) => {
          this.#of(sessionId)
          const folder = cwd ? await root.folder(cwd) : root.path
          return { terminalId: await terminals.create({ ...request, sessionId, cwd: folder }) }
        },
        'terminal/output': async ({ sessionId, terminalId }) => terminals.output(sessionId, terminalId),
        'terminal/wait_for_exit': async ({ sessionId, terminalId }, signal) =>
          terminals.waitForExit(sessionId, terminalId, signal),
        'terminal/kill': async ({ sessionId, terminalId }) => {
          await terminals.kill(sessionId, terminalId)
          return {}
        },
        'terminal/release': async ({ sessionId, terminalId }) => {
          await terminals.release(sessionId, terminalId)
          return {}
        },
      }),
    } satisfies PeerOptions['answers']
  }

  #of(acpId: string): LiveSession {
    const session = this.#byAcpId.get(acpId)
    if (session === undefined) throw new AcpError('notFound', `There is no session ${JSON.stringify(acpId)}.`)
    return session
  }

  /** Undefined if the question came to nothing: its turn was cancelled, or the program is gone. */
  async #ask(session: LiveSession | undefined, question: Omit<Asked, 'interactionId'>, signal: AbortSignal) {
    const { client, newId, askTimeoutMs } = this.#options
    const run = session?.run
    const until = AbortSignal.any([signal, this.#peer.gone, ...(run === undefined ? [] : [run.signal])])
    if (until.aborted) return undefined
    const interactionId = `int_${newId()}`
    const of = {
      ...(session !== undefined && { sessionId: session.sessionId }),
      ...(run !== undefined && { commandId: run.commandId }),
      ...(askTimeoutMs !== undefined && { timeoutMs: askTimeoutMs, defaultOnTimeout: 'deny' as const }),
    }
    try {
      const answer = await client().ask({ interactionId, ...of, ...question }, { signal: until })
      client().report('interaction:applied', { interactionId })
      return answer
    } catch (error) {
      if (until.aborted) return undefined
      throw new AcpError('internal', `Nobody can be asked: ${describeError(error).message}`)
    }
  }

  #explain(error: unknown): never {
    if (describeError(error).code !== acpCodes.authRequired) throw error
    const methods = (this.#agent?.authMethods ?? []).map(({ id, name }) => `${id} (${name})`).join(', ')
    const how = methods === '' ? '' : `, or name one of its methods with --auth: ${methods}`
    throw Object.assign(new Error(`run it by hand and log in there${how}`), { code: acpCodes.authRequired })
  }
}
