import { isDeepStrictEqual } from 'node:util'
import type {
  Agent,
  AgentPayloads,
  AgentServerFrameType,
  AgentServerPayloads,
  AgentUsage,
  Command,
} from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import type { AgentDirectory } from '../commands/agent-directory.ts'
import type { SignsOfLife } from '../commands/signs-of-life.ts'
import { Deadlines } from '../deadlines.ts'
import { eachRecord } from '../log/each-record.ts'
import type { AppendResult, EventDraft, EventLog } from '../log/event-log.ts'
import type { AgentConnection } from './agent-connection.ts'
import { AgentPublisher } from './agent-publisher.ts'
import { derived, greeted, type ReportedWork, runningOf } from './agent-state.ts'
import { type Hello, NewestConnections, TAKEN_OVER } from './newest-connections.ts'
import { TokenWarnings, type TokenWarningsOptions } from './token-warnings.ts'
import { noUsage, type UsageRecord, usageTopic } from './usage.ts'

/** What the registry needs from commands. */
export interface CommandView {
  liveOf(agentId: string): { readonly inFlight: readonly Command[] }
  onChange(listener: (after: Command, before: Command | undefined) => void): () => void
}

/** What the registry needs from interactions: how many of an agent wait for an answer. */
export interface InteractionView {
  openOf(agentId: string): number
  onChange(listener: (after: { agentId: string }) => void): () => void
}

export interface AgentRegistryOptions extends TokenWarningsOptions {
  log: EventLog
  commands: CommandView
  interactions: InteractionView
  signs: Pick<SignsOfLife, 'heardAt'>
  /** An agent that is silent for two of these is late, for three offline. */
  heartbeatMs: number
  /** Another node may have been active until this start: agents that were connected to it do not count as away. */
  takesOver?: boolean
}

/** What this server knows of an agent. A change replaces the whole entry; only `Heard` is kept apart. */
type Entry = {
  readonly record: Agent
  /** Valid until the set of its running commands changes. */
  readonly reported?: ReportedWork | undefined
} & (
  | /** No connection was reconciled. */ { readonly at: 'away' }
  | /** Commands may be sent. */ { readonly at: 'ready'; readonly connection: AgentConnection }
)

/** When the last frame of an agent came: `at` on the monotonic clock, `seenAt` in epoch ms. A heartbeat publishes no event. */
interface Heard {
  at: number
  seenAt: number
}

/** Every agent that has ever connected: its record, and its connection while it has one. */
export class AgentRegistry implements AgentDirectory {
  readonly #options: AgentRegistryOptions
  readonly #clock: Clock
  readonly #agents = new Map<string, Entry>()
  readonly #heard = new Map<string, Heard>()
  /** The sorted ids; undefined after an agent was added or removed. */
  #ids: readonly string[] | undefined
  #connections = new NewestConnections()
  readonly #publisher: AgentPublisher
  readonly #tokens: TokenWarnings
  /** By agent: when to check how long it has been silent. */
  readonly #silences: Deadlines
  #stops: (() => void)[] = []

  constructor(options: AgentRegistryOptions) {
    const { log, clock, onFault } = options
    this.#options = options
    this.#clock = clock
    this.#publisher = new AgentPublisher({ log, clock, onFault, recordOf: agentId => this.#refreshed(agentId) })
    this.#silences = new Deadlines(clock)
    this.#tokens = new TokenWarnings(options)
  }

  /** Loads the known agents. Those that were connected before a restart are late until they return [AG12]. */
  async start(): Promise<void> {
    const { log, commands, interactions, takesOver, heartbeatMs } = this.#options
    if (this.#stops.length > 0) return
    this.#clear()
    for (const part of [this.#silences, this.#tokens, this.#publisher]) part.start()
    this.#stops = [
      commands.onChange((after, before) => {
        // A queued command does not change the agent's record, and most changes are of queued ones.
        if (isRunning(after) || isRunning(before)) this.#commandsChanged(after.agentId)
      }),
      interactions.onChange(({ agentId }) => this.#publisher.update(agentId)),
    ]
    for await (const { payload } of eachRecord(log, { kind: 'agent' })) {
      const record = payload as Agent
      const { agentId, lastSeenAt, link } = record
      this.#agents.set(agentId, { at: 'away', record })
      this.#heard.set(agentId, { at: this.#clock.monotonic(), seenAt: lastSeenAt })
      this.#publisher.found(record)
      if (link === 'online' && takesOver) this.#watch(agentId, 2 * heartbeatMs)
      else if (link !== 'offline') this.#setLink(agentId, 'late')
    }
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    for (const part of [this.#silences, this.#tokens, this.#publisher]) part.stop()
    this.#clear()
  }

  #clear(): void {
    this.#agents.clear()
    this.#heard.clear()
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
    return this.#agents.get(agentId)?.at === 'ready'
  }

  send<K extends AgentServerFrameType>(agentId: string, type: K, payload: AgentServerPayloads[K]): void {
    const entry = this.#agents.get(agentId)
    if (entry?.at === 'ready') entry.connection.send(type, payload)
  }

  maxConcurrency(agentId: string): number {
    return this.#agents.get(agentId)?.record.maxConcurrency ?? 1
  }

  runTimeoutMs(agentId: string): number {
    return this.#agents.get(agentId)?.record.capabilities.runTimeoutMs ?? 0
  }

  lastSeenAt(agentId: string): number {
    return this.#heard.get(agentId)?.seenAt ?? 0
  }

  /** True while `connection` is the agent's newest one. */
  isCurrent(agentId: string, connection: AgentConnection): boolean {
    return this.#connections.isCurrent(agentId, connection)
  }

  /**
   * The connection that said hello last wins: an earlier one is closed here. Resolves when every frame of the older one is
   * stored. `settled` resolves when every frame of this one is.
   */
  async claim(agentId: string, connection: AgentConnection, hello: Hello, settled: () => Promise<void>): Promise<void> {
    if (this.#connections.isOutdated(agentId, hello)) {
      connection.close(4409, TAKEN_OVER)
      return
    }
    const entry = this.#agents.get(agentId)
    if (entry !== undefined) this.#agents.set(agentId, { at: 'away', record: entry.record, reported: entry.reported })
    await this.#connections.claim(agentId, connection, hello, settled)
  }

  /** Stores the record of an agent whose connection has the claim, together with `alongside`. */
  connect(agentId: string, hello: AgentPayloads['agent:connect'], alongside: EventDraft[]): Promise<AppendResult> {
    const now = this.#clock.now()
    const heard: Heard = { at: this.#clock.monotonic(), seenAt: now }
    const record = this.#derived(greeted(agentId, hello, this.#agents.get(agentId)?.record, now), undefined)
    return this.#publisher.store(record, alongside, () => {
      if (!this.#agents.has(agentId)) this.#ids = undefined
      this.#agents.set(agentId, { at: 'away', record })
      // Another frame may have come during the append.
      if (this.#silentMs(agentId) > this.#clock.monotonic() - heard.at) this.#heard.set(agentId, heard)
      this.#watch(agentId, 2 * this.#options.heartbeatMs)
    })
  }

  /** The agent was reconciled: from now on commands may be sent to it. */
  ready(agentId: string, connection: AgentConnection): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined || !this.isCurrent(agentId, connection)) return
    this.#agents.set(agentId, { ...entry, at: 'ready', connection })
    this.#publisher.update(agentId)
  }

  /** Warns a day before the token of this connection expires, unless the agent renews it by itself. */
  watchToken(agentId: string, connection: AgentConnection, expiresAt: number): void {
    const renews = this.#agents.get(agentId)?.record.capabilities.renewsToken ?? false
    if (renews || !this.isCurrent(agentId, connection)) return
    this.#tokens.watch(agentId, expiresAt, () => {
      const entry = this.#agents.get(agentId)
      if (entry !== undefined)
        this.#change(agentId, { ...entry, record: { ...entry.record, tokenExpiresAt: expiresAt } })
    })
  }

  /** The connection closed. After an `agent:exit`, the agent is known to be offline. */
  disconnect(agentId: string, connection: AgentConnection, exited: boolean): void {
    const entry = this.#agents.get(agentId)
    if (!this.#connections.release(agentId, connection) || entry === undefined) return
    this.#tokens.clear(agentId)
    const reported = exited ? ({ work: 'stopped', detail: '', evidence: 'reported' } as const) : entry.reported
    this.#agents.set(agentId, { at: 'away', record: entry.record, reported })
    this.#setLink(agentId, exited ? 'offline' : 'late')
  }

  /** Any frame of the agent is a sign of life. */
  heard(agentId: string): void {
    const entry = this.#agents.get(agentId)
    const heard = this.#heard.get(agentId)
    if (entry === undefined || heard === undefined || !this.isConnected(agentId)) return
    heard.at = this.#clock.monotonic()
    heard.seenAt = this.#clock.now()
    if (entry.record.link !== 'online') this.#setLink(agentId, 'online')
  }

  reported(agentId: string, { work, detail = '', evidence = 'reported' }: AgentPayloads['agent:status']): void {
    const entry = this.#agents.get(agentId)
    if (entry !== undefined) this.#change(agentId, { ...entry, reported: { work, detail, evidence } })
  }

  /** What the agent has used so far. */
  async usage(agentId: string): Promise<AgentUsage> {
    const record = (await this.#options.log.get(usageTopic(agentId)))?.payload as UsageRecord | undefined
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
  remove(agentId: string, alongside: EventDraft[]): Promise<AppendResult> {
    return this.#publisher.remove(agentId, alongside, () => {
      this.#agents.delete(agentId)
      this.#heard.delete(agentId)
      this.#ids = undefined
      this.#silences.clear(agentId)
      this.#tokens.forget(agentId)
    })
  }

  /** The record as it is sent and stored: a copy with the time of the last frame. */
  #now({ record }: Entry): Agent {
    return { ...record, lastSeenAt: this.lastSeenAt(record.agentId) }
  }

  #commandsChanged(agentId: string): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined) return
    const running = runningOf(this.#options.commands.liveOf(agentId).inFlight)
    if (entry.reported !== undefined && isDeepStrictEqual(running, entry.record.running)) return
    this.#change(agentId, entry.record.link === 'offline' ? entry : { ...entry, reported: undefined })
  }

  #setLink(agentId: string, link: Agent['link']): void {
    const entry = this.#agents.get(agentId)
    if (entry === undefined) return
    if (link === 'offline') this.#silences.clear(agentId)
    else this.#watch(agentId, (link === 'late' ? 3 : 2) * this.#options.heartbeatMs - this.#silentMs(agentId))
    this.#change(agentId, { ...entry, record: { ...entry.record, link } })
  }

  #silentMs(agentId: string): number {
    return this.#clock.monotonic() - (this.#heard.get(agentId)?.at ?? Number.NEGATIVE_INFINITY)
  }

  #watch(agentId: string, delayMs: number): void {
    this.#silences.set(agentId, delayMs, () => this.#judge(agentId))
  }

  /** Heartbeats do not reset the timer: when it fires, it checks the silence so far and waits for the rest. */
  #judge(agentId: string): void {
    const { heartbeatMs } = this.#options
    const silentMs = this.#silentMs(agentId)
    if (silentMs >= 3 * heartbeatMs) {
      this.#connections.get(agentId)?.close(4408, `No sign of life for ${Math.round(silentMs)} ms.`)
      this.#setLink(agentId, 'offline')
    } else if (silentMs >= 2 * heartbeatMs) this.#setLink(agentId, 'late')
    else {
      this.#watch(agentId, 2 * heartbeatMs - silentMs)
      this.#publisher.update(agentId)
    }
  }

  #change(agentId: string, entry: Entry): void {
    this.#agents.set(agentId, entry)
    this.#publisher.update(agentId)
  }

  /** Derives the record again, once per write instead of once per change. `get` then returns the new record. */
  #refreshed(agentId: string): Agent | undefined {
    const entry = this.#agents.get(agentId)
    if (entry === undefined) return undefined
    const next: Entry = { ...entry, record: this.#derived(entry.record, entry.reported) }
    this.#agents.set(agentId, next)
    return this.#now(next)
  }

  #derived(record: Agent, reported: ReportedWork | undefined): Agent {
    const { commands, interactions, signs, heartbeatMs } = this.#options
    const { agentId } = record
    const silentSince = this.#clock.monotonic() - 3 * heartbeatMs
    return derived(record, {
      commands: commands.liveOf(agentId).inFlight,
      openInteractions: interactions.openOf(agentId),
      reported,
      isSilent: ({ commandId }) => (signs.heardAt(commandId) ?? silentSince + 1) <= silentSince,
    })
  }
}

const isRunning = (command: Command | undefined) => command?.status === 'running'
