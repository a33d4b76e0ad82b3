import { isDeepStrictEqual } from 'node:util'
import {
  type Agent,
  type AgentPayloads,
  type AgentServerFrameType,
  type AgentServerPayloads,
  type AgentUsage,
  type Command,
  topics,
} from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import type { AgentDirectory } from '../commands/agent-directory.ts'
import type { SignsOfLife } from '../commands/signs-of-life.ts'
import { Deadlines } from '../deadlines.ts'
import { draftOf } from '../log/draft.ts'
import { eachRecord } from '../log/each-record.ts'
import type { AppendResult, EventDraft, EventLog } from '../log/event-log.ts'
import type { AgentConnection } from './agent-connection.ts'
import { greeted, inferWork, type ReportedWork, summarise } from './agent-state.ts'
import { NewestConnections } from './newest-connections.ts'
import { noUsage, type UsageRecord, usageTopic } from './usage.ts'

/** What the registry uses of commands. */
export interface CommandView {
  liveOf(agentId: string): { readonly inFlight: readonly Command[] }
  onChange(listener: (after: Command, before: Command | undefined) => void): () => void
}

/** What the registry uses of interactions: how many of an agent wait for an answer. */
export interface InteractionView {
  openOf(agentId: string): number
  onChange(listener: (after: { agentId: string }) => void): () => void
}

export interface AgentRegistryOptions {
  log: EventLog
  commands: CommandView
  interactions: InteractionView
  signs: Pick<SignsOfLife, 'heardAt'>
  clock: Clock
  /** Silent for two of these an agent is late, for three it is offline. */
  heartbeatMs: number
  onFault(error: unknown): void
  /** The token of an agent that does not renew it ends within a day. */
  onTokenExpiring?: (agentId: string, expiresAt: number) => void
}

interface Entry {
  record: Agent
  /** The agent's connection has said hello and was reconciled: commands may be sent. */
  ready: boolean
  heardAt: number
  reported?: ReportedWork
  /** What the log has. */
  published?: Agent
  publishing: boolean
  dirty: boolean
}

const RETRY_MS = 1000
/** How long before its end an agent's token is warned of. */
const TOKEN_WARNING_MS = 24 * 60 * 60_000

/** Every agent that ever connected, what is known of it now, and the way to it. */
export class AgentRegistry implements AgentDirectory {
  readonly #log: EventLog
  readonly #commands: CommandView
  readonly #clock: Clock
  readonly #heartbeatMs: number
  readonly #interactions: InteractionView
  readonly #signs: Pick<SignsOfLife, 'heardAt'>
  readonly #onFault: (error: unknown) => void
  readonly #onTokenExpiring: (agentId: string, expiresAt: number) => void
  readonly #agents = new Map<string, Entry>()
  /** Their ids in order, until one comes or goes. */
  #ids: readonly string[] | undefined
  #connections = new NewestConnections()
  /** By agent, the end of the token that was warned of. */
  readonly #warnedOf = new Map<string, number>()
  readonly #deadlines: Deadlines
  #stops: (() => void)[] = []

  constructor({
    log,
    commands,
    interactions,
    signs,
    clock,
    heartbeatMs,
    onFault,
    onTokenExpiring = () => {},
  }: AgentRegistryOptions) {
    this.#onTokenExpiring = onTokenExpiring
    this.#interactions = interactions
    this.#signs = signs
    this.#log = log
    this.#commands = commands
    this.#clock = clock
    this.#heartbeatMs = heartbeatMs
    this.#onFault = onFault
    this.#deadlines = new Deadlines(clock)
  }

  /** Loads the known agents. Those that were connected before the restart are late until they return. */
  async start(): Promise<void> {
    if (this.#stops.length > 0) return
    this.#clear()
    this.#deadlines.start()
    for await (const { payload } of eachRecord(this.#log, { kind: 'agent' })) {
      const record = payload as Agent
      this.#agents.set(record.agentId, {
        record,
        published: { ...record },
        ready: false,
        heardAt: this.#clock.monotonic(),
        publishing: false,
        dirty: false,
      })
      if (record.link !== 'offline') this.#setLink(record.agentId, 'late')
    }
    this.#stops = [
      this.#commands.onChange((after, before) => {
        // What waits says nothing of what the agent does, and most of what happens is waiting.
        if (isRunning(after) || isRunning(before)) this.#commandsChanged(after.agentId)
      }),
      this.#interactions.onChange(({ agentId }) => this.#publish(agentId)),
    ]
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#deadlines.stop()
    this.#clear()
  }

  #clear(): void {
    this.#agents.clear()
    this.#ids = undefined
    this.#connections = new NewestConnections()
  }

  has(agentId: string): boolean {
    return this.#agents.has(agentId)
  }

  get(agentId: string): Agent | undefined {
    const entry = this.#agents.get(agentId)
    return entry && this.#now(entry)
  }

  isConnected(agentId: string): boolean {
    return this.#connections.get(agentId) !== undefined
  }

  /** Agents in the order of their ids, after `afterId`. */
  *sorted(afterId: string): Iterable<Agent> {
    this.#ids ??= [...this.#agents.keys()].sort()
    for (const id of this.#ids) {
      const entry = id > afterId ? this.#agents.get(id) : undefined
      if (entry !== undefined) yield this.#now(entry)
    }
  }

  *all(): Iterable<Agent> {
    for (const entry of this.#agents.values()) yield this.#now(entry)
  }

  isReady(agentId: string): boolean {
    return this.#agents.get(agentId)?.ready === true && this.isConnected(agentId)
  }

  send<K extends AgentServerFrameType>(agentId: string, type: K, payload: AgentServerPayloads[K]): void {
    if (this.isReady(agentId)) this.#connections.get(agentId)?.send(type, payload)
  }

  maxConcurrency(agentId: string): number {
    return this.#agents.get(agentId)?.record.maxConcurrency ?? 1
  }

  runTimeoutMs(agentId: string): number {
    return this.#agents.get(agentId)?.record.capabilities.runTimeoutMs ?? 0
  }

  lastSeenAt(agentId: string): number {
    return this.get(agentId)?.lastSeenAt ?? 0
  }

  /** True while `connection` is the agent's newest one. */
  isCurrent(agentId: string, connection: AgentConnection): boolean {
    return this.#connections.isCurrent(agentId, connection)
  }

  /**
   * The newest connection that says hello wins. Resolves when everything that came over the older one is stored.
   * `settled` resolves when the same holds for this one.
   */
  claim(agentId: string, connection: AgentConnection, settled: () => Promise<void>): Promise<void> {
    const entry = this.#agents.get(agentId)
    if (entry !== undefined) entry.ready = false
    return this.#connections.claim(agentId, connection, settled)
  }

  /** Stores the record of an agent whose connection has the claim, together with `alongside`. */
  async connect(
    agentId: string,
    hello: AgentPayloads['agent:connect'],
    alongside: EventDraft[],
  ): Promise<AppendResult> {
    const record = greeted(agentId, hello, this.#agents.get(agentId)?.record, this.#clock.now())
    const entry: Entry = { record, ready: false, heardAt: this.#clock.monotonic(), publishing: false, dirty: false }
    this.#derive(entry)
    const appended = await this.#log.append([this.#draft(entry), ...alongside])
    if (appended.status !== 'ok') return appended
    if (!this.#agents.has(agentId)) this.#ids = undefined
    this.#agents.set(agentId, entry)
    this.#watch(agentId, 2 * this.#heartbeatMs)
    return appended
  }

  /** The agent was reconciled: from now on commands may be sent to it. */
  ready(agentId: string, connection: AgentConnection): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined || !this.isCurrent(agentId, connection)) return
    entry.ready = true
    this.#publish(agentId)
  }

  /** Says a day before that the token of this connection ends, unless the agent gets another by itself. */
  watchToken(agentId: string, connection: AgentConnection, expiresAt: number): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined || !this.isCurrent(agentId, connection) || entry.record.capabilities.renewsToken) return
    this.#deadlines.set(`${agentId} token`, expiresAt - TOKEN_WARNING_MS - this.#clock.now(), () => {
      if (this.#agents.get(agentId) !== entry) return
      entry.record.tokenExpiresAt = expiresAt
      this.#publish(agentId)
      // Said once of a token, however often its agent comes back with it.
      if (this.#warnedOf.get(agentId) === expiresAt) return
      this.#warnedOf.set(agentId, expiresAt)
      this.#onTokenExpiring(agentId, expiresAt)
      const message = `The token of this agent expires at ${new Date(expiresAt).toISOString()}.`
      const payload = { agentId, code: 'token_expires', message }
      this.#log.append([draftOf('agent:error', topics.agentLog(agentId), payload)]).catch(this.#onFault)
    })
  }

  /** The connection closed. After an `agent:exit`, the agent is known to be offline. */
  disconnect(agentId: string, connection: AgentConnection, exited: boolean): void {
    const entry = this.#agents.get(agentId)
    if (!this.#connections.release(agentId, connection) || entry === undefined) return
    entry.ready = false
    this.#deadlines.clear(`${agentId} token`)
    if (exited) entry.reported = { work: 'stopped', detail: '', evidence: 'reported' }
    this.#setLink(agentId, exited ? 'offline' : 'late')
  }

  /** Any frame of the agent is a sign of life. */
  heard(agentId: string): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined || !this.isConnected(agentId)) return
    entry.heardAt = this.#clock.monotonic()
    entry.record.lastSeenAt = this.#clock.now()
    if (entry.record.link !== 'online') this.#setLink(agentId, 'online')
  }

  reported(agentId: string, report: AgentPayloads['agent:status']): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined) return
    entry.reported = { work: report.work, detail: report.detail ?? '', evidence: report.evidence ?? 'reported' }
    this.#publish(agentId)
  }

  /** What the agent has used so far. */
  async usage(agentId: string): Promise<AgentUsage> {
    const record = (await this.#log.get(usageTopic(agentId)))?.payload as UsageRecord | undefined
    const { recent: _, ...usage } = record ?? noUsage(agentId)
    return usage
  }

  /** Closes the agent's connection; it may connect again. False if it has none. */
  kick(agentId: string, reason: string): boolean {
    const connection = this.#connections.get(agentId)
    connection?.close(1001, reason)
    return connection !== undefined
  }

  /** Forgets an agent that is not connected. */
  async remove(agentId: string, alongside: EventDraft[]): Promise<AppendResult> {
    const removed = draftOf('agent:removed', topics.agentStatus(agentId), { agentId }, { record: 'delete' })
    const appended = await this.#log.append([removed, ...alongside])
    if (appended.status === 'ok') {
      this.#agents.delete(agentId)
      this.#ids = undefined
      this.#deadlines.clear(agentId)
      this.#warnedOf.delete(agentId)
    }
    return appended
  }

  /** While it is heard, `lastSeenAt` in memory is newer than in the log: not every heartbeat is worth an event. */
  #now({ record }: Entry): Agent {
    return { ...record }
  }

  #commandsChanged(agentId: string): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined) return
    const running = this.#running(agentId)
    if (isDeepStrictEqual(running, entry.record.running) && entry.reported !== undefined) return
    if (entry.record.link !== 'offline') delete entry.reported
    this.#publish(agentId)
  }

  #running(agentId: string): string[] {
    const running = this.#commands.liveOf(agentId).inFlight.filter(isRunning)
    return running.map(command => command.commandId).sort()
  }

  #setLink(agentId: string, link: Agent['link']): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined) return
    entry.record.link = link
    if (link === 'offline') this.#deadlines.clear(agentId)
    else this.#watch(agentId, (link === 'late' ? 3 : 2) * this.#heartbeatMs - this.#silentMs(entry))
    this.#publish(agentId)
  }

  #silentMs(entry: Entry): number {
    return this.#clock.monotonic() - entry.heardAt
  }

  #watch(agentId: string, delayMs: number): void {
    this.#deadlines.set(agentId, delayMs, () => this.#judge(agentId))
  }

  /** Heartbeats do not move the timer; it looks when it fires and goes on for what is left. */
  #judge(agentId: string): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined) return
    const silentMs = this.#silentMs(entry)
    if (silentMs >= 3 * this.#heartbeatMs) {
      this.#connections.get(agentId)?.close(4408, `No sign of life for ${Math.round(silentMs)} ms.`)
      this.#setLink(agentId, 'offline')
    } else if (silentMs >= 2 * this.#heartbeatMs) this.#setLink(agentId, 'late')
    else {
      this.#watch(agentId, 2 * this.#heartbeatMs - silentMs)
      this.#publish(agentId)
    }
  }

  #derive(entry: Entry): void {
    const { record } = entry
    record.running = this.#running(record.agentId)
    record.openInteractions = this.#interactions.openOf(record.agentId)
    // What an agent was doing when it was last heard is still the best that is known of it.
    if (record.link === 'online' || entry.reported !== undefined) {
      const silentSince = this.#clock.monotonic() - 3 * this.#heartbeatMs
      const isSilent = ({ commandId }: Command) => (this.#signs.heardAt(commandId) ?? silentSince + 1) <= silentSince
      Object.assign(
        record,
        entry.reported ??
          inferWork(this.#commands.liveOf(record.agentId).inFlight, isSilent, record.openInteractions > 0),
      )
    }
    record.status = summarise(record.link, record.work)
  }

  #draft(entry: Entry): EventDraft {
    entry.published = { ...entry.record }
    return draftOf('agent:status', topics.agentStatus(entry.record.agentId), entry.published, { record: 'set' })
  }

  /** Appends the record once more if anything changed; changes that come while one is under way are joined into the next. */
  #publish(agentId: string): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined) return
    if (entry.publishing) {
      entry.dirty = true
      return
    }
    this.#derive(entry)
    if (entry.published !== undefined && sameButTime(entry.record, entry.published)) return
    entry.publishing = true
    entry.dirty = false
    this.#log
      .append([this.#draft(entry)])
      .then(
        appended => appended.status === 'unavailable',
        error => {
          this.#onFault(error)
          return false
        },
      )
      .then(again => {
        entry.publishing = false
        if (this.#agents.get(agentId) !== entry) return
        if (again) delete entry.published
        if (again) this.#deadlines.set(`${agentId} publish`, RETRY_MS, () => this.#publish(agentId))
        else if (entry.dirty) this.#publish(agentId)
      })
  }
}

const sameButTime = (a: Agent, b: Agent) => isDeepStrictEqual({ ...a, lastSeenAt: 0 }, { ...b, lastSeenAt: 0 })

const isRunning = (command: Command | undefined) => command?.status === 'running'
