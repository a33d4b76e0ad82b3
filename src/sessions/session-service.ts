import { type EventPayloads, type Session, topics, type WireError, wireError } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import { changeRecord, type ReportOutcome, refuseReport } from '../log/change-record.ts'
import { draftOf } from '../log/draft.ts'
import { eachRecord, type ItemPage, itemPage } from '../log/each-record.ts'
import type { EventDraft, EventLog, FleetEvent, LogRecord, Unfollow } from '../log/event-log.ts'
import { notFound, refused } from '../outcome.ts'
import { draftsOf, type OpenMessages, stateTopic } from './open-messages.ts'
import { checkState, type Patched, patchState } from './patch-state.ts'
import { changeSession, type SessionEvent, type SessionOf } from './session-state.ts'
import { StreamGate } from './stream-gate.ts'
import { keyOf, type StreamEvent } from './stream-item.ts'

export type StateChange =
  | { kind: 'snapshot'; snapshot: unknown }
  | { kind: 'patch'; patch: EventPayloads['state:patch']['patch'] }

export interface SessionQuery {
  status?: readonly Session['status'][]
  agentId?: string | readonly string[]
  limit: number
  cursor?: string
}

/** What one agent may have at once. */
export interface SessionLimits {
  /** Sessions that have not ended. */
  maxSessions: number
  /** Messages and tool calls that have not ended. */
  maxOpenItems: number
}

export interface SessionServiceOptions {
  log: EventLog
  open: OpenMessages
  clock: Clock
  retentionMs: number
  limits: SessionLimits
  onFault(error: unknown): void
}

/** Agents repeat typing reports, but may never report the end of typing. */
const TYPING_MS = 6_000
/** Maximum number of sessions known to be active without reading the disk. */
const KNOWN_LIMIT = 10_000
/** The shortest time between two counts of an agent's active sessions while it is at its limit. */
const RECOUNT_MS = 10_000

/** Sessions between agents and people: records that change with what agents report. */
export class SessionService {
  readonly #log: EventLog
  readonly #open: OpenMessages
  readonly #clock: Clock
  readonly #retentionMs: number
  readonly #onFault: (error: unknown) => void
  /** By topic; the least recently changed session is dropped first. */
  readonly #known = new Map<string, Session>()
  readonly #limits: SessionLimits
  /**
   * Ids of sessions that have not ended, by agent. Retention removes records without an event, so a full set is read
   * again.
   */
  readonly #active = new Map<string, { ids: Set<string>; readAt: number }>()
  /** Sessions in which someone is typing, by agent and topic. */
  readonly #typists = new Map<string, Map<string, Session>>()
  readonly #typing: Deadlines
  /** How many sessions were seen to end: a record that was read before the latest of them may be stale. */
  #endings = 0
  #unfollow: Unfollow | undefined

  constructor({ log, open, clock, retentionMs, limits, onFault }: SessionServiceOptions) {
    this.#limits = limits
    this.#log = log
    this.#open = open
    this.#clock = clock
    this.#retentionMs = retentionMs
    this.#onFault = onFault
    this.#typing = new Deadlines(clock)
  }

  /** Loads the active sessions. Typing that was reported before a stop ends by its timeout. */
  async start(): Promise<void> {
    if (this.#unfollow !== undefined) return
    for (const known of [this.#known, this.#active, this.#typists]) known.clear()
    this.#typing.start()
    this.#unfollow = this.#log.follow(events => this.#fold(events))
    for await (const session of this.#all({ status: ['active'] })) {
      this.#activeOf(session.agentId).ids.add(session.sessionId)
      this.#know(session)
      if (session.typing) this.#watch(session)
    }
  }

  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#typing.stop()
  }

  /** Considers only agents that `sees` admits. Agents choose session ids, so two agents may choose the same. */
  async get(sessionId: string, sees: (agentId: string) => boolean = () => true): Promise<Session | undefined> {
    const { records } = await this.#log.list({ kind: 'session', where: { id: sessionId }, limit: 100 })
    return records.map(({ payload }) => payload as Session).find(({ agentId }) => sees(agentId))
  }

  list({ limit, cursor, ...where }: SessionQuery): Promise<ItemPage<Session>> {
    return itemPage(this.#log, { kind: 'session', where, order: 'desc', limit, cursor })
  }

  /** Whether the session is known to be active, so that its stream needs no look at the record. */
  isActive({ agentId, sessionId }: SessionOf): boolean {
    return this.#known.has(topics.sessionStatus(agentId, sessionId))
  }

  /** A gate for frames that are stored together. */
  gate(agentId: string): StreamGate {
    return new StreamGate(this.#open, agentId, this.#limits.maxOpenItems)
  }

  /**
   * Stores an agent's report about a session. `alongside` is stored in the same step, even if the report is refused.
   */
  async report(of: SessionOf, event: SessionEvent, alongside: readonly EventDraft[]): Promise<ReportOutcome> {
    const flaw = await this.#flaw(of, event)
    if (flaw !== undefined) return this.#refuse(flaw, alongside)
    const closing =
      event.kind === 'end' ? [...this.#open.closing(of.agentId, of.sessionId), ...(await this.#stateRemoval(of))] : []
    const endings = this.#endings
    const changed = await this.#change(of, event, [...closing, ...alongside])
    if (changed.status === 'unavailable') return changed
    // An unchanged session produces no event: without this, each later frame of its stream would be stored alone.
    if (changed.status === 'same' && changed.value?.status === 'active' && endings === this.#endings)
      this.#know(changed.value)
    if (changed.status === 'same' && changed.why === 'absent') {
      return refused(notFound('session', of.sessionId))
    }
    return { status: 'stored' }
  }

  /** Stores one frame of a message or tool call that is the first of its session or ends a message. */
  async stream(event: StreamEvent, alongside: readonly EventDraft[]): Promise<ReportOutcome> {
    const { agentId, sessionId } = event.payload
    const of = { agentId, sessionId }
    const flaw = await this.#flaw(of, { kind: 'seen' })
    if (flaw !== undefined) return this.#refuse(flaw, alongside)
    const admitted = this.gate(agentId).take(event)
    if (admitted.status === 'refused') return this.#refuse(admitted.error, alongside)
    return this.report(of, this.#meaning(event), [...admitted.events.flatMap(draftsOf), ...alongside])
  }

  /** Applies the change to the server's copy first: a change that does not apply is not published. */
  async state(of: SessionOf, change: StateChange, alongside: readonly EventDraft[]): Promise<ReportOutcome> {
    if (!this.isActive(of)) {
      const seen = await this.report(of, { kind: 'seen' }, [])
      if (seen.status === 'refused') return this.#refuse(seen.error, alongside)
      if (seen.status === 'unavailable') return seen
    }
    const topic = stateTopic(of.agentId, of.sessionId)
    let refusal: WireError | undefined
    for (let record = await this.#log.get(topic); ; ) {
      const patched = applied(record, change)
      if (patched.status === 'refused') {
        refusal = patched.error
        break
      }
      const payload = { ...of, snapshot: patched.state }
      const expiresAt = this.#clock.now() + this.#retentionMs
      const expect = record?.version ?? 0
      const stored: EventDraft = { type: 'state:stored', topic, payload, record: 'set', expect, expiresAt }
      const appended = await this.#log.append([stored, told(of, change), ...alongside])
      if (appended.status === 'ok') return { status: 'stored' }
      if (appended.status === 'unavailable') return appended
      record = appended.current
    }
    return this.#refuse(refusal, alongside)
  }

  /** Typing ends by itself after a time, so that nothing depends on a frame that reports its end. */
  async typing(of: SessionOf, typing: boolean): Promise<ReportOutcome> {
    const topic = topics.sessionStatus(of.agentId, of.sessionId)
    const known = this.#known.get(topic)
    if (known?.typing === typing) {
      if (typing) this.#watch(known)
      return { status: 'stored' }
    }
    return this.report(of, { kind: 'typing', typing }, [])
  }

  /** Drafts that end everything an agent leaves open when it exits, to be stored together with the exit. */
  closing(agentId: string): EventDraft[] {
    return this.#open.closing(agentId)
  }

  /** The connection is gone, so nobody is typing any more. */
  agentGone(agentId: string): void {
    for (const session of this.#typists.get(agentId)?.values() ?? []) this.#stopTyping(session)
  }

  /** The agent was removed: ends its sessions. */
  async endAll(agentId: string): Promise<void> {
    for await (const { sessionId } of this.#all({ status: ['active'], agentId })) {
      await this.report({ agentId, sessionId }, { kind: 'end', fields: {} }, [])
    }
  }

  async *#all(where: Omit<SessionQuery, 'limit' | 'cursor'>): AsyncGenerator<Session, void> {
    for await (const { payload } of eachRecord(this.#log, { kind: 'session', where })) yield payload as Session
  }

  #change(of: SessionOf, event: SessionEvent, alongside: readonly EventDraft[] = []) {
    const topic = topics.sessionStatus(of.agentId, of.sessionId)
    return changeRecord<Session, 'absent' | 'already'>(this.#log, {
      topic,
      alongside,
      decide: current => {
        const decision = changeSession(current, of, event, this.#clock.now())
        if (decision.to === 'same') return decision
        const { type, session } = decision
        // Few agents report the end of a session, so one without activity is removed after a time as well.
        const expiresAt = session.lastActivityAt + this.#retentionMs
        return { to: 'next', value: session, draft: draftOf(type, topic, session, { record: 'set', expiresAt }) }
      },
    })
  }

  /** The deletion of a record that does not exist would still be sent to followers. */
  async #stateRemoval({ agentId, sessionId }: SessionOf): Promise<EventDraft[]> {
    const topic = stateTopic(agentId, sessionId)
    const state = await this.#log.get(topic)
    return state === undefined ? [] : [{ type: 'state:removed', topic, payload: null, record: 'delete' }]
  }

  #meaning(event: StreamEvent): SessionEvent {
    if (event.type !== 'message:end') return { kind: 'seen' }
    const { agentId, sessionId, text } = event.payload
    const item = this.#open.get(agentId, sessionId, keyOf(event))
    return { kind: 'said', text: text ?? (item?.kind === 'message' ? item.text : '') }
  }

  /** Refuses a session that belongs to another agent. */
  async foreign({ agentId, sessionId }: SessionOf): Promise<WireError | undefined> {
    if (this.isActive({ agentId, sessionId })) return undefined
    const other = await this.get(sessionId, id => id !== agentId)
    return other && wireError('conflict', `Session "${sessionId}" belongs to another agent.`)
  }

  async #flaw(of: SessionOf, event: SessionEvent): Promise<WireError | undefined> {
    if (this.isActive(of)) return undefined
    return (await this.foreign(of)) ?? (await this.#full(of, event))
  }

  /** Refuses one more session if the agent is at its limit. */
  async #full({ agentId, sessionId }: SessionOf, event: SessionEvent): Promise<WireError | undefined> {
    const { maxSessions } = this.#limits
    const begins = event.kind !== 'end' && (event.kind !== 'typing' || event.typing)
    const active = this.#active.get(agentId)
    if (!begins || active === undefined || active.ids.size < maxSessions || active.ids.has(sessionId)) return undefined
    const now = this.#clock.monotonic()
    if (now - active.readAt >= RECOUNT_MS) {
      active.readAt = now
      const ids = new Set<string>()
      for await (const session of this.#all({ status: ['active'], agentId })) ids.add(session.sessionId)
      active.ids = ids
    }
    if (active.ids.size < maxSessions) return undefined
    return wireError('too_large', `This agent already has ${maxSessions} active sessions: end some first.`, {
      limit: maxSessions,
    })
  }

  #activeOf(agentId: string): { ids: Set<string>; readAt: number } {
    let active = this.#active.get(agentId)
    if (active === undefined) {
      active = { ids: new Set(), readAt: Number.NEGATIVE_INFINITY }
      this.#active.set(agentId, active)
    }
    return active
  }

  #count({ agentId, sessionId, status }: Session): void {
    if (status === 'active') {
      this.#activeOf(agentId).ids.add(sessionId)
      return
    }
    const active = this.#active.get(agentId)
    active?.ids.delete(sessionId)
    if (active?.ids.size === 0) this.#active.delete(agentId)
  }

  #refuse(error: WireError, alongside: readonly EventDraft[]): Promise<ReportOutcome> {
    return refuseReport(this.#log, error, alongside)
  }

  #fold(events: readonly FleetEvent[]): void {
    for (const { type, topic, payload } of events) {
      if (!type.startsWith('session:')) continue
      const session = payload as Session
      this.#known.delete(topic)
      if (session.status === 'active') this.#know(session)
      else this.#endings++
      this.#count(session)
      if (session.typing) this.#watch(session)
      else this.#unwatch(session)
    }
  }

  /** Notes an active session. An existing entry is just as recent. */
  #know(session: Session): void {
    const topic = topics.sessionStatus(session.agentId, session.sessionId)
    if (this.#known.has(topic)) return
    this.#known.set(topic, session)
    if (this.#known.size > KNOWN_LIMIT) this.#known.delete(this.#known.keys().next().value!)
  }

  #watch(session: Session): void {
    const topic = topics.sessionStatus(session.agentId, session.sessionId)
    this.#typing.set(topic, TYPING_MS, () => this.#stopTyping(session))
    const typists = this.#typists.get(session.agentId) ?? new Map<string, Session>()
    this.#typists.set(session.agentId, typists.set(topic, session))
  }

  #unwatch({ agentId, sessionId }: Session): void {
    const topic = topics.sessionStatus(agentId, sessionId)
    this.#typing.clear(topic)
    const typists = this.#typists.get(agentId)
    if (typists?.delete(topic) && typists.size === 0) this.#typists.delete(agentId)
  }

  #stopTyping({ agentId, sessionId }: Session): void {
    this.#change({ agentId, sessionId }, { kind: 'typing', typing: false }).catch(this.#onFault)
  }
}

/** The state of a session starts as an empty object. */
function applied(record: LogRecord | undefined, change: StateChange): Patched {
  if (change.kind === 'snapshot') return checkState(change.snapshot)
  // Parsed again, since the patch changes it in place.
  const { snapshot } = JSON.parse(record?.json ?? '{"snapshot":{}}') as { snapshot: unknown }
  return patchState(snapshot, change.patch)
}

function told(of: SessionOf, change: StateChange): EventDraft {
  const topic = topics.sessionMessages(of.agentId, of.sessionId)
  return change.kind === 'snapshot'
    ? draftOf('state:snapshot', topic, { ...of, snapshot: change.snapshot })
    : draftOf('state:patch', topic, { ...of, patch: change.patch })
}
