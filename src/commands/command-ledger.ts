import { type Command, type CommandStatus, isFinal, topics } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { changeRecord } from '../log/change-record.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import { type LiveRecord, LiveRecords, type RecordListener } from '../log/live-records.ts'
import { AgentCommands, type LiveCommands } from './agent-commands.ts'
import { type CommandCensus, censusOf } from './command-census.ts'
import { type CommandEvent, type Transition, transition } from './command-state.ts'

export type Applied =
  | { status: 'changed'; command: Command }
  | { status: 'same'; why: Extract<Transition, { to: 'same' }>['why']; command: Command }
  | { status: 'unknown' }
  | { status: 'unavailable'; retryAfterMs: number; reason: string }

type Why = Extract<Transition, { to: 'same' }>['why'] | 'unknown'

/**
 * Keeps the commands that have not ended in memory by following the log. It is the only way to change a command: a
 * transition is appended only if the command is still in the state that it was computed from.
 */
export class CommandLedger {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #retentionMs: number
  readonly #records: LiveRecords<Command>
  readonly #byAgent = new Map<string, AgentCommands>()
  /** Counts since the process started. */
  readonly #ended = new Map<CommandStatus, number>()

  constructor({ log, clock, retentionMs }: { log: EventLog; clock: Clock; retentionMs: number }) {
    this.#log = log
    this.#clock = clock
    this.#retentionMs = retentionMs
    this.#records = new LiveRecords({
      log,
      kind: 'command',
      where: { status: ['queued', 'dispatched', 'running'] },
      flawed: true,
      keyOf: ({ commandId }) => commandId,
      isLive: ({ status }) => !isFinal(status),
      onHeld: (after, before) => this.#enqueue(after, before),
    })
    // A command that was not live had ended before; such a change is a late result.
    this.#records.onChange(({ status }, before) => {
      if (before !== undefined && isFinal(status)) this.#ended.set(status, (this.#ended.get(status) ?? 0) + 1)
    })
  }

  /** Loads the commands that have not ended. */
  async start(): Promise<void> {
    // These were truncated to what a frame can carry. Sent like this, they would make the agent do something other than
    // what was requested.
    for (const { commandId } of await this.#records.start())
      await this.apply(commandId, { kind: 'undeliverable', message: UNDELIVERABLE })
  }

  stop(): void {
    this.#records.stop()
  }

  onChange(listener: RecordListener<Command>): () => void {
    return this.#records.onChange(listener)
  }

  live(commandId: string): Command | undefined {
    return this.#records.get(commandId)?.value
  }

  /** The commands of one agent that have not ended, in no particular order. */
  ofAgent(agentId: string): Iterable<Command> {
    return this.#byAgent.get(agentId)?.all() ?? []
  }

  /** The running and queued commands of one agent. */
  liveOf(agentId: string): LiveCommands {
    return this.#byAgent.get(agentId) ?? EMPTY
  }

  all(): Iterable<Command> {
    return this.#records.values()
  }

  census(): CommandCensus {
    return { live: censusOf(this.all(), this.#clock.now()), ended: this.#ended }
  }

  async get(commandId: string): Promise<Command | undefined> {
    return (await this.#record(commandId))?.value
  }

  /**
   * Changes a command by an event. `alongside` is appended in the same step, even if the command does not change, so
   * that an agent's report and the record of its consumption are stored together or not at all. `told` is appended only
   * if the command changes.
   */
  async apply(
    commandId: string,
    event: CommandEvent,
    alongside: readonly EventDraft[] = [],
    told: readonly EventDraft[] = [],
  ): Promise<Applied> {
    const record = await this.#record(commandId)
    if (record === undefined) return this.#unknown(alongside)
    const { value, version } = record
    const changed = await changeRecord<Command, Why>(this.#log, {
      topic: topics.command(value.agentId, commandId),
      known: { payload: value, version },
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

  /**
   * The result of an event on a command that is held in memory, and its draft. `decided`: the command after an earlier
   * draft of the same append. Undefined if the command is not held or does not change.
   */
  changeOf(
    commandId: string,
    event: CommandEvent,
    decided?: Command,
  ): { command: Command; draft: EventDraft } | undefined {
    const held = this.#records.get(commandId)
    if (held === undefined) return undefined
    const result = transition(decided ?? held.value, event, this.#clock.now())
    if (result.to === 'same') return undefined
    const draft = this.draft(result.type, result.command)
    return { command: result.command, draft: decided === undefined ? { ...draft, expect: held.version } : draft }
  }

  /** The draft of a command's event. The record of an ended command may be removed when its retention is over. */
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

  async #record(commandId: string): Promise<LiveRecord<Command> | undefined> {
    const live = this.#records.get(commandId)
    if (live !== undefined) return live
    const { records } = await this.#log.list({ kind: 'command', where: { id: commandId }, limit: 1, flawed: true })
    const record = records[0]
    return record?.payload ? { value: record.payload as Command, version: record.version } : undefined
  }

  #enqueue(after: Command | undefined, before: Command | undefined): void {
    const { agentId } = (after ?? before)!
    const queue = this.#byAgent.get(agentId) ?? new AgentCommands()
    queue.replace(before, after)
    if (queue.isEmpty) this.#byAgent.delete(agentId)
    else this.#byAgent.set(agentId, queue)
  }
}

const UNDELIVERABLE = 'The input is nested deeper than any frame can carry; it is shown cut.'
const EMPTY: LiveCommands = new AgentCommands()
