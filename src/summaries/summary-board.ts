import {
  type AgentSummary,
  type Command,
  type EventPayloads,
  finalStatuses,
  type Interaction,
  topics,
} from '@fleetwire/protocol'
import type { Clock, Timer } from '../clock.ts'
import { latestDraft } from '../log/draft.ts'
import { eachRecord } from '../log/each-record.ts'
import type { EventDraft, EventLog, FleetEvent, Unfollow } from '../log/event-log.ts'
import { AgentFacts, type Usage } from './agent-facts.ts'

export interface SummaryBoardPorts {
  log: EventLog
  clock: Clock
  /** The end of a terminal's output, as text. */
  tailOf(agentId: string, terminalId: string): string
  onFault(error: unknown): void
}

interface Changed {
  agentId: string
  draft: EventDraft
}

const USAGE = '$usage'
/** An agent is checked, and its summary published, at most this often. */
const INTERVAL_MS = 1000
/**
 * A change after a quiet period of its agent is published this soon, together with what follows until then. That is
 * long enough for a command to be accepted, sent and started; the next summary follows a second later.
 */
const GATHER_MS = 100
/** Summaries built in one turn of the event loop. */
const SLICE = 200
const RECORDS = ['agents.*.status', 'agents.*.commands.*', 'agents.*.interactions.*']

/**
 * What a card of each agent shows, built by following the log and published through it. It is not kept: a restart
 * rebuilds it from the records.
 */
export class SummaryBoard {
  readonly #ports: SummaryBoardPorts
  readonly #agents = new Map<string, AgentFacts>()
  /** By agent: JSON of the summary that was published last. */
  readonly #told = new Map<string, string>()
  /** When each agent was last checked, on the monotonic clock. */
  readonly #lookedAt = new Map<string, number>()
  readonly #touched = new Set<string>()
  /** Agents to check now: a slice in this turn, the rest in the next ones. */
  #due: string[] = []
  /** Removed agents whose removal is still to be published. */
  #removed: string[] = []
  #wake: { at: number; timer: Timer } | undefined
  #unfollow: Unfollow | undefined

  constructor(ports: SummaryBoardPorts) {
    this.#ports = ports
  }

  async start(): Promise<void> {
    if (this.#unfollow !== undefined) return
    const { log } = this.#ports
    let after = Number.POSITIVE_INFINITY
    this.#unfollow = log.follow(events => {
      for (const event of events) if (event.topic.startsWith(`${USAGE}.`) || event.seq > after) this.#apply(event)
    })
    for await (const record of eachRecord(log, { kind: USAGE })) this.#apply(record)
    // Before it resolves, followers receive nothing past its position.
    const { records } = await log.snapshot(RECORDS, 'active')
    after = 0
    for (const record of records) this.#apply(record)
    this.#findLast().catch(error => this.#ports.onFault(error))
  }

  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#wake?.timer.cancel()
    this.#wake = undefined
    this.#due = []
    this.#removed = []
    for (const state of [this.#agents, this.#told, this.#lookedAt, this.#touched]) state.clear()
  }

  /** A terminal of the agent produced output. */
  wrote(agentId: string, terminalId: string): void {
    const facts = this.#agents.get(agentId)
    if (facts === undefined) return
    facts.wrote(terminalId)
    this.#touch(agentId)
  }

  #apply({ type, topic, payload }: Pick<FleetEvent, 'type' | 'topic' | 'payload'>): void {
    const [root, agentId] = topic.split('.', 2)
    if (agentId === undefined) return
    if (type === 'agent:removed') this.#remove(agentId)
    else if (root === USAGE && payload !== null) this.#change(agentId, facts => facts.usage(payload as Usage))
    else if (root === 'agents') this.#applyToAgent(agentId, type, payload)
  }

  #applyToAgent(agentId: string, type: string, payload: unknown): void {
    const [noun] = type.split(':', 1)
    if (noun === 'command') this.#change(agentId, facts => facts.command(payload as Command))
    else if (noun === 'interaction') this.#change(agentId, facts => facts.interaction(payload as Interaction))
    else if (type === 'agent:status') this.#change(agentId, () => {})
    else if (noun === 'message') {
      const message = payload as Partial<EventPayloads['message:delta'] & EventPayloads['message:end']>
      const { messageId, delta, text = delta } = message
      if (text !== undefined) this.#change(agentId, facts => facts.said(messageId, text, delta === undefined))
    }
  }

  #change(agentId: string, change: (facts: AgentFacts) => void): void {
    let facts = this.#agents.get(agentId)
    if (facts === undefined) {
      facts = new AgentFacts(agentId)
      this.#agents.set(agentId, facts)
    }
    change(facts)
    this.#touch(agentId)
  }

  #remove(agentId: string): void {
    if (!this.#agents.delete(agentId)) return
    this.#told.delete(agentId)
    this.#lookedAt.delete(agentId)
    this.#removed.push(agentId)
    this.#wakeAt(this.#ports.clock.monotonic() + GATHER_MS)
  }

  #touch(agentId: string): void {
    if (this.#touched.has(agentId)) return
    this.#touched.add(agentId)
    this.#wakeAt(Math.max(this.#ports.clock.monotonic() + GATHER_MS, this.#dueAt(agentId)))
  }

  #dueAt(agentId: string): number {
    return (this.#lookedAt.get(agentId) ?? Number.NEGATIVE_INFINITY) + INTERVAL_MS
  }

  #wakeAt(at: number): void {
    // The log may answer after the stop.
    if (this.#unfollow === undefined || (this.#wake !== undefined && this.#wake.at <= at)) return
    this.#wake?.timer.cancel()
    const { clock } = this.#ports
    this.#wake = { at, timer: clock.setTimeout(() => this.#pass(), Math.max(0, at - clock.monotonic())) }
  }

  #pass(): void {
    const now = this.#ports.clock.monotonic()
    this.#wake = undefined
    if (this.#due.length === 0) this.#collect(now)
    const changed = this.#due.splice(0, SLICE).flatMap(agentId => {
      this.#lookedAt.set(agentId, now)
      return this.#changeOf(agentId)
    })
    const removed = this.#removed.splice(0)
    if (changed.length > 0 || removed.length > 0) this.#append(changed, removed)
    if (this.#due.length > 0) this.#wakeAt(now)
    else if (this.#touched.size > 0) this.#wakeAt(Math.max(now + GATHER_MS, this.#soonest()))
  }

  #collect(now: number): void {
    this.#due = [...this.#touched].filter(agentId => this.#dueAt(agentId) <= now)
    for (const agentId of this.#due) this.#touched.delete(agentId)
  }

  #soonest(): number {
    let at = Number.POSITIVE_INFINITY
    for (const agentId of this.#touched) at = Math.min(at, this.#dueAt(agentId))
    return at
  }

  #append(changed: Changed[], removed: readonly string[]): void {
    const { log, onFault } = this.#ports
    const ends = removed.map(agentId => latestDraft('agent:summary', topics.agentSummary(agentId), null))
    log.append([...ends, ...changed.map(({ draft }) => draft)]).then(({ status }) => {
      // The log cannot append now: a later pass retries.
      if (status === 'ok' || this.#unfollow === undefined) return
      for (const { agentId } of changed) if (this.#told.delete(agentId)) this.#touch(agentId)
      this.#removeAgain(removed)
    }, onFault)
  }

  #removeAgain(agentIds: readonly string[]): void {
    // The summary of an agent that has come back replaces the old one, and must not be ended after that.
    const gone = agentIds.filter(agentId => !this.#agents.has(agentId))
    if (gone.length === 0) return
    this.#removed.push(...gone)
    this.#wakeAt(this.#ports.clock.monotonic() + INTERVAL_MS)
  }

  #changeOf(agentId: string): Changed[] {
    const facts = this.#agents.get(agentId)
    if (facts === undefined) return []
    const summary: AgentSummary = facts.summary(terminalId => this.#ports.tailOf(agentId, terminalId))
    const json = JSON.stringify(summary)
    if (this.#told.get(agentId) === json) return []
    this.#told.set(agentId, json)
    return [{ agentId, draft: latestDraft('agent:summary', topics.agentSummary(agentId), summary) }]
  }

  /** Finds, for each agent known at the start, the last of its commands that ended. */
  async #findLast(): Promise<void> {
    for (const facts of [...this.#agents.values()]) {
      if (this.#unfollow === undefined) return
      if (facts.hasLast) continue
      const where = { agentId: facts.agentId, status: finalStatuses }
      const { records } = await this.#ports.log.list({ kind: 'command', where, order: 'desc', limit: 1 })
      for (const record of records) if (!facts.hasLast) this.#apply(record)
    }
  }
}
