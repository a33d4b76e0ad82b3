import type { InitializeResponse, SessionNotification, SessionUpdate } from '@agentclientprotocol/sdk'
import type { AgentClient, CommandRun } from '@fleetwire/client'
import { AcpError, acpCodes } from './acp-error.ts'
import { idlePort } from './idle-port.ts'
import { LiveSession } from './live-session.ts'
import type { AcpPeer } from './peer.ts'
import type { SessionStore } from './session-store.ts'
import { SessionView } from './session-view.ts'
import { describeError } from './turn-outcome.ts'

export interface SessionsOptions {
  peer: () => AcpPeer
  store: SessionStore
  client: () => AgentClient
  newId: () => string
  say(text: string): void
  /** The program's working folder. */
  cwd: string
  /** The initial mode of new sessions. */
  mode: string | undefined
  onUnstoppable(): void
  /** Describes how the program ended. Called once it is gone. */
  exit(): Promise<string>
  /** A session is about to be closed. */
  onClosed(acpId: string): Promise<void>
}

/** With more sessions, the least recently used one is closed, if the program can resume it later. */
const MAX_OPEN = 64
/** Limit of updates for a session that arrive before the response with the session's id. */
const MAX_EARLY = 100
const IS_HISTORY = /chunk$|^tool_call|^plan$/
const NOT_CONTINUED =
  'The program was restarted and could not resume this conversation: it does not know what was said before.'

/** The sessions that the program has open, by our ids and by its own. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #open = new Map<string, Promise<LiveSession>>()
  readonly #byAcpId = new Map<string, LiveSession>()
  readonly #early = new Map<string, SessionUpdate[]>()
  /** Sessions being resumed. The program replays their history, which is ignored since it is known already. */
  readonly #replayed = new Set<string>()
  #agent: Partial<InitializeResponse> = {}

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Takes the program's capabilities. */
  initialized(agent: InitializeResponse): void {
    this.#agent = agent
  }

  all(): LiveSession[] {
    return [...this.#byAcpId.values()]
  }

  /** Finds a session by the program's id. Throws AcpError. */
  of(acpId: string): LiveSession {
    const session = this.#byAcpId.get(acpId)
    if (session === undefined) throw new AcpError('notFound', `There is no session ${JSON.stringify(acpId)}.`)
    return session
  }

  /** The session of a run, opened if needed. */
  async ofRun(run: CommandRun): Promise<LiveSession> {
    const sessionId = run.sessionId ?? run.commandId
    const opening = this.#open.get(sessionId) ?? this.#begin(sessionId)
    // Most recently used last.
    this.#open.delete(sessionId)
    this.#open.set(sessionId, opening)
    try {
      return await opening
    } catch (error) {
      if (this.#open.get(sessionId) === opening) this.#open.delete(sessionId)
      throw error
    } finally {
      void this.#closeIdle()
    }
  }

  updated({ sessionId, update }: SessionNotification): void {
    const session = this.#byAcpId.get(sessionId)
    if (session !== undefined) session.apply(update)
    else if (!(IS_HISTORY.test(update.sessionUpdate) && this.#replayed.has(sessionId)))
      this.#keepEarly(sessionId, update)
  }

  async #begin(sessionId: string): Promise<LiveSession> {
    const { store, mode, peer, cwd } = this.#options
    const earlier = store.acpIdOf(sessionId)
    const taken = earlier === undefined ? undefined : await this.#takeUp(earlier)
    const opened =
      taken ??
      (await peer()
        .request('session/new', { cwd, mcpServers: [] })
        .catch(error => this.#explain(error)))
    const acpId = taken === undefined ? (opened as { sessionId?: unknown } | undefined)?.sessionId : earlier
    if (typeof acpId !== 'string' || acpId === '') throw new Error('the program opened a session without an id')
    const note = earlier !== undefined && taken === undefined ? NOT_CONTINUED : undefined
    const session = this.#live(sessionId, acpId, note)
    const { modes, configOptions } = opened ?? {}
    if (modes) {
      session.view.share('modes', modes.availableModes)
      session.view.share('mode', modes.currentModeId)
    }
    if (configOptions) session.view.share('config', configOptions)
    for (const update of this.#early.get(acpId) ?? []) session.apply(update)
    this.#early.delete(acpId)
    if (mode !== undefined && taken === undefined) {
      await peer().request('session/set_mode', { sessionId: acpId, modeId: mode })
      session.view.share('mode', mode)
    }
    store.keepAcpId(sessionId, acpId)
    return session
  }

  /** Resumes a session. Undefined if the program cannot. */
  async #takeUp(acpId: string) {
    const { peer, cwd, say } = this.#options
    const { loadSession, sessionCapabilities } = this.#agent.agentCapabilities ?? {}
    const of = { sessionId: acpId, cwd, mcpServers: [] }
    this.#replayed.add(acpId)
    try {
      if (sessionCapabilities?.resume) return (await peer().request('session/resume', of)) ?? {}
      if (loadSession) return (await peer().request('session/load', of)) ?? {}
      return undefined
    } catch (error) {
      if (peer().gone.aborted) throw error
      say(`a conversation could not be resumed: ${describeError(error).message}`)
      return undefined
    } finally {
      this.#replayed.delete(acpId)
    }
  }

  #live(sessionId: string, acpId: string, note: string | undefined): LiveSession {
    const { newId, client, store, peer, onUnstoppable, exit } = this.#options
    const source = this.#agent.agentInfo?.name.slice(0, 128) ?? 'acp'
    const idle = idlePort(sessionId, newId, client)
    const onOpenTasks = (tasks: string[]) => store.keepOpenTasks(sessionId, tasks)
    const view = new SessionView({ sessionId, acpId, source, newId: () => `plan_${newId()}`, onOpenTasks }, idle)
    const of = { sessionId, acpId, view, peer: peer(), source, onUnstoppable, exit }
    const session = new LiveSession(of, note)
    this.#byAcpId.set(acpId, session)
    return session
  }

  #keepEarly(sessionId: string, update: SessionUpdate): void {
    const early = this.#early.get(sessionId) ?? []
    if (early.length >= MAX_EARLY || (early.length === 0 && this.#early.size >= MAX_EARLY)) return
    this.#early.set(sessionId, [...early, update])
  }

  async #closeIdle(): Promise<void> {
    const { sessionCapabilities, loadSession } = this.#agent.agentCapabilities ?? {}
    if (!sessionCapabilities?.close || !(loadSession || sessionCapabilities.resume)) return
    for (const [sessionId, opening] of this.#open) {
      if (this.#open.size <= MAX_OPEN) return
      const session = await opening.catch(() => undefined)
      if (!session?.isIdle || this.#open.get(sessionId) !== opening) continue
      this.#open.delete(sessionId)
      this.#byAcpId.delete(session.acpId)
      // When the session is resumed, its plan is a new one, so nothing would end the tasks of the old one.
      await session.end('The conversation was closed to make room for others.')
      await this.#options.onClosed(session.acpId)
      await this.#options
        .peer()
        .request('session/close', { sessionId: session.acpId })
        .catch(() => {})
    }
  }

  #explain(error: unknown): never {
    if (describeError(error).code !== acpCodes.authRequired) throw error
    const methods = (this.#agent.authMethods ?? []).map(({ id, name }) => `${id} (${name})`).join(', ')
    const how = methods === '' ? '' : `, or name one of its methods with --auth: ${methods}`
    throw Object.assign(new Error(`run it by hand and log in there${how}`), { code: acpCodes.authRequired })
  }
}
