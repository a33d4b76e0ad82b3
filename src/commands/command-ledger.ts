import { type Command, type CommandStatus, isFinal, recordKind, topics } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { changeRecord } from '../log/change-record.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog, FleetEvent, Unfollow } from '../log/event-log.ts'
import { AgentQueue, type QueueView } from './agent-queue.ts'
import { type CommandCensus, censusOf } from './command-census.ts'
import { type CommandEvent, type Transition, transition } from './command-state.ts'

/** A command as the log has it, with the version that the next change must name. */
export interface Entry {
  readonly command: Command
  readonly version: number
}

export type Applied =
  | { status: 'changed'; command: Command }
  | { status: 'same'; why: Extract<Transition, { to: 'same' }>['why']; command: Command }
  | { status: 'unknown' }
  | { status: 'unavailable'; retryAfterMs: number; reason: string }

type Why = Extract<Transition, { to: 'same' }>['why'] | 'unknown'

/** Told of every change of a command, in log order, whoever made it. `before` is absent for one that is new here. */
export type ChangeListener = (after: Command, before: Command | undefined) => void

/**
 * The commands that have not ended, held in memory by following the log, and the one way to change them: a transition
 * that is appended only if the command is still what it was computed from.
 */
export class CommandLedger {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #retentionMs: number
  readonly #live = new Map<string, Entry>()
  readonly #byAgent = new Map<string, AgentQueue>()
  readonly #listeners = new Set<ChangeListener>()
  /** Since the process started. */
  readonly #ended = new Map<CommandStatus, number>()
  #unfollow: Unfollow | undefined

  constructor({ log, clock, retentionMs }: { log: EventLog; clock: Clock; retentionMs: number }) {
    this.#log = log
    this.#clock = clock
    this.#retentionMs = retentionMs
  }

  /** Loads what has not ended. Followed first, listed after: nothing falls between the two. */
  async start(): Promise<void> {
    if (this.#unfollow !== undefined) return
    this.#unfollow = this.#log.follow(events => this.#fold(events))
    const flawed: string[] = []
    let page: string | undefined
    do {
      const { records, nextPage } = await this.#log.list({
        kind: 'command',
        flawed: true,
        where: { status: ['queued', 'dispatched', 'running'] },
        limit: 500,
        ...(page !== undefined && { page }),
      })
      for (const record of records) {
        const command = record.payload as Command | null
        if (command === null) continue
        if (record.flaw !== undefined) flawed.push(command.commandId)
        if ((this.#live.get(command.commandId)?.version ?? 0) < record.version)
          this.#put({ command, version: record.version })
      }
      page = nextPage ?? undefined
    } while (page !== undefined)
    // What is here of them was cut: sent like this, an agent would do something else than it was asked to.
    for (const commandId of flawed) await this.apply(commandId, { kind: 'undeliverable', message: UNDELIVERABLE })
  }

  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
  }

  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  live(commandId: string): Command | undefined {
    return this.#live.get(commandId)?.command
  }

  /** The commands of one agent that have not ended, in no order. */
  ofAgent(agentId: string): Iterable<Command> {
    return this.#byAgent.get(agentId)?.all() ?? []
  }

  /** What one agent has in hand and what waits for it. */
  queueOf(agentId: string): QueueView {
    return this.#byAgent.get(agentId) ?? EMPTY
  }

  *all(): Iterable<Command> {
    for (const entry of this.#live.values()) yield entry.command
  }

  census(): CommandCensus {
    return { live: censusOf(this.all(), this.#clock.now()), ended: this.#ended }
  }

  async get(commandId: string): Promise<Command | undefined> {
    return (await this.#entry(commandId))?.command
  }

  /**
   * Changes a command by what happened to it. `alongside` is appended in the same step, even where the command stays
   * as it is: so an agent's report and the record that it was consumed stand or fall together. `told` only where it changes.
   */
  async apply(
    commandId: string,
    event: CommandEvent,
    alongside: readonly EventDraft[] = [],
    told: readonly EventDraft[] = [],
  ): Promise<Applied> {
    const entry = await this.#entry(commandId)
    if (entry === undefined) return this.#unknown(alongside)
    const changed = await changeRecord<Command, Why>(this.#log, {
      topic: topics.command(entry.command.agentId, commandId),
      known: { payload: entry.command, version: entry.version },
      alongside,
      decide: current => {
        if (current === undefined) return { to: 'same', why: 'unknown' }
        const result = transition(current, event, this.#clock.now())
        if (result.to === 'same') return result
        return { to: 'next', value: result.command, draft: this.draft(result.type, result.command), told }
      },
    })
    switch (changed.status) {
      case 'changed':
        return { status: 'changed', command: changed.value }
      case 'unavailable':
        return changed
      case 'same':
        return changed.value === undefined || changed.why === 'unknown'
          ? { status: 'unknown' }
          : { status: 'same', why: changed.why, command: changed.value }
    }
  }

  /** The draft of a command's event; ended commands may be swept when their retention is over. */
  draft(type: Extract<Transition, { to: 'next' }>['type'], command: Command): EventDraft {
    return draftOf(type, topics.command(command.agentId, command.commandId), command, {
      record: 'set',
      ...(command.taskId !== undefined && { taskId: command.taskId }),
      ...(command.endedAt !== undefined && { expiresAt: command.endedAt + this.#retentionMs }),
    })
  }

  async #unknown(alongside: readonly EventDraft[]): Promise<Applied> {
    const appended = alongside.length === 0 ? undefined : await this.#log.append(alongside)
    return appended?.status === 'unavailable' ? appended : { status: 'unknown' }
  }

  async #entry(commandId: string): Promise<Entry | undefined> {
    const live = this.#live.get(commandId)
    if (live !== undefined) return live
    const { records } = await this.#log.list({ kind: 'command', where: { id: commandId }, limit: 1, flawed: true })
    const record = records[0]
    return record?.payload ? { command: record.payload as Command, version: record.version } : undefined
  }

  #fold(events: readonly FleetEvent[]): void {
    for (const event of events) {
      if (recordKind(event.topic) !== 'command') continue
      const command = event.payload as Command
      const before = this.#live.get(command.commandId)
      if (before !== undefined && before.version >= event.seq) continue
      if (isFinal(command.status)) this.#drop(command)
      else this.#put({ command, version: event.seq })
      for (const listener of this.#listeners) listener(command, before?.command)
    }
  }

  #put(entry: Entry): void {
    const { commandId, agentId } = entry.command
    const queue = this.#byAgent.get(agentId) ?? new AgentQueue()
    queue.replace(this.#live.get(commandId)?.command, entry.command)
    this.#byAgent.set(agentId, queue)
    this.#live.set(commandId, entry)
  }

  #drop({ commandId, agentId, status }: Command): void {
    // What is not live had ended before: this is a late result of it.
    if (this.#live.has(commandId)) this.#ended.set(status, (this.#ended.get(status) ?? 0) + 1)
    const queue = this.#byAgent.get(agentId)
    queue?.replace(this.#live.get(commandId)?.command, undefined)
    if (queue?.isEmpty) this.#byAgent.delete(agentId)
    this.#live.delete(commandId)
  }
}

const UNDELIVERABLE = 'The input is nested deeper than any frame can carry; what is shown of it was cut.'
const EMPTY: QueueView = new AgentQueue()
