import {
  type BatchRefusal,
  type Command,
  type EditCommandBody,
  isFinal,
  type WireError,
  wireError,
} from '@fleetwire/protocol'
import { type Actor, type Caller, type CanSee, inProcess } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { type AuditAction, auditDrafts } from '../log/audit.ts'
import { foundInAll, judgedOnAll } from '../log/caught-up.ts'
import { itemPage } from '../log/each-record.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import { notFound, type Refused, refused, unavailable } from '../outcome.ts'
import type { AgentDirectory } from './agent-directory.ts'
import type { CommandCensus } from './command-census.ts'
import type { Applied, CommandLedger } from './command-ledger.ts'
import type { CommandChanges } from './command-state.ts'
import type {
  CommandList,
  EditOutcome,
  InterruptOutcome,
  ListQuery,
  SubmitRequest,
  SubmitResult,
  TaskView,
} from './command-types.ts'
import { CommandWaits } from './command-waits.ts'
import { bodyHash, claimDraft, idempotencyTopic, keyState } from './idempotency.ts'
import { inputFlaw, newCommand, retryOf } from './new-command.ts'
import { QueueAdmission } from './queue-admission.ts'

export interface CommandQueueOptions {
  log: EventLog
  ledger: CommandLedger
  agents: AgentDirectory
  tasks: TaskView
  clock: Clock
  /** Commands that may wait for one agent. */
  queueLimit: number
}

/**
 * The command queue for routes, sockets and embedding code: accepts commands, and requests to interrupt, edit, retry
 * and drop them. Everything that it accepts is on disk.
 */
export class CommandQueue {
  readonly #log: EventLog
  readonly #ledger: CommandLedger
  readonly #agents: AgentDirectory
  readonly #tasks: TaskView
  readonly #clock: Clock
  readonly #admission: QueueAdmission
  readonly #waits: CommandWaits
  #isRunning = false
  /** The latest `runNextAt` given to a command; the change may still be on its way to the log. */
  #movedAt = 0

  constructor({ log, ledger, agents, tasks, clock, queueLimit }: CommandQueueOptions) {
    this.#log = log
    this.#ledger = ledger
    this.#agents = agents
    this.#tasks = tasks
    this.#clock = clock
    this.#admission = new QueueAdmission({ ledger, agents, queueLimit })
    this.#waits = new CommandWaits(ledger, clock)
  }

  start(): void {
    this.#isRunning = true
    this.#waits.open()
  }

  stop(): void {
    this.#isRunning = false
    this.endWaits()
  }

  /** Why nothing is accepted while the queue is stopped: the set of agents is known only while it runs. */
  get closed(): WireError | undefined {
    return this.#isRunning ? undefined : unavailable()
  }

  /** How many commands are in each status, and how many ended since the process started. */
  stats(): CommandCensus {
    return this.#ledger.census()
  }

  /** `caller`: by default code in this process. */
  async submit(request: SubmitRequest, caller: Caller = inProcess): Promise<SubmitResult> {
    return this.#judged(async () => {
      const hidden = this.closed ?? (await this.#tasks.hidden(request.taskId, caller))
      return hidden === undefined ? this.#submit(request, caller.canSee) : refused(hidden)
    })
  }

  /** `told` is appended with the command. */
  async #submit(request: SubmitRequest, canSee: CanSee, told: readonly EventDraft[] = []): Promise<SubmitResult> {
    const { agentId, idempotencyKey } = request
    const flaw = inputFlaw(request.input)
    if (flaw !== undefined) return refused(flaw)
    if (!canSee(agentId) || !this.#agents.has(agentId)) return refused(notFound('agent', agentId))
    if (idempotencyKey === undefined) {
      return this.#accept(request, this.#commandOf(request, this.#clock.now()), [], told)
    }
    return this.#submitOnce(request, idempotencyTopic(agentId, idempotencyKey))
  }

  async #submitOnce(request: SubmitRequest, topic: string): Promise<SubmitResult> {
    const hash = bodyHash(request)
    for (;;) {
      const now = this.#clock.now()
      const key = keyState(await this.#log.get(topic), hash)
      if (key.state === 'used') return this.#replay(key, request.idempotencyKey!)
      const command = this.#commandOf(request, now)
      const result = await this.#accept(request, command, [
        claimDraft(topic, command.commandId, hash, now, key.version),
      ])
      // Another request claimed the key between the look-up and the append: look again.
      if (result !== 'conflict') return result
    }
  }

  /**
   * Accepts one command for each of several agents in one step: all that can be accepted are stored together. `head`
   * makes the drafts that precede them; `conflict` if an expectation of those drafts failed.
   */
  async submitAll(
    requests: readonly SubmitRequest[],
    head: (accepted: readonly Command[], busy: readonly BatchRefusal[]) => EventDraft[],
  ): Promise<{ status: 'accepted'; commands: Command[]; refused: BatchRefusal[] } | Refused | 'conflict'> {
    const flaw = inputFlaw(requests[0]?.input)
    if (flaw !== undefined) return refused(flaw)
    const now = this.#clock.now()
    const judged = requests.map(request => ({ request, error: this.#admission.refusal(request) }))
    const busy = judged.flatMap(({ request: { agentId }, error }) => (error === undefined ? [] : [{ agentId, error }]))
    const commands = judged.flatMap(({ request, error }) =>
      error === undefined ? [this.#commandOf(request, now)] : [],
    )
    if (commands.length === 0) return refused(wireError('conflict', 'No agent can take it now.', { refused: busy }))
    const leave = commands.map(({ agentId }) => this.#admission.arrive(agentId))
    try {
      const drafts = commands.map(command => this.#ledger.draft('command:queued', command))
      const appended = await this.#log.append([...head(commands, busy), ...drafts])
      if (appended.status === 'conflict') return 'conflict'
      return appended.status === 'ok' ? { status: 'accepted', commands, refused: busy } : refused(unavailable(appended))
    } finally {
      for (const left of leave) left()
    }
  }

  async #replay({ commandId, sameBody }: { commandId: string; sameBody: boolean }, key: string): Promise<SubmitResult> {
    const command = await this.#ledger.get(commandId)
    if (command !== undefined && sameBody) return { status: 'replayed', command }
    return refused(
      wireError('conflict', `The idempotency key "${key}" was used for another command in the last 24 hours.`, {
        commandId,
      }),
    )
  }

  #commandOf(request: SubmitRequest, now: number): Command {
    return newCommand(request, this.#agents.runTimeoutMs(request.agentId), now)
  }

  async #accept(request: SubmitRequest, command: Command, claim: [], told: readonly EventDraft[]): Promise<SubmitResult>
  async #accept(request: SubmitRequest, command: Command, claim: EventDraft[]): Promise<SubmitResult | 'conflict'>
  async #accept(
    request: SubmitRequest,
    command: Command,
    claim: EventDraft[],
    told: readonly EventDraft[] = [],
  ): Promise<SubmitResult | 'conflict'> {
    const { agentId } = command
    const refusal = this.#admission.refusal(request)
    if (refusal !== undefined) return refused(refusal)
    const leave = this.#admission.arrive(agentId)
    try {
      const appended = await this.#log.append([...claim, this.#ledger.draft('command:queued', command), ...told])
      if (appended.status === 'conflict') return 'conflict'
      return appended.status === 'ok' ? { status: 'accepted', command } : refused(unavailable(appended))
    } finally {
      leave()
    }
  }

  /** Idempotent: `affected` is true only for the first request. */
  interrupt(commandId: string, caller: Caller & { reason?: string }): Promise<InterruptOutcome> {
    return this.#judged(() => this.#interrupt(commandId, caller))
  }

  async #interrupt(
    commandId: string,
    { canSee, reason, actor }: Caller & { reason?: string },
  ): Promise<InterruptOutcome> {
    const command = await this.#visible(commandId, canSee)
    if (command === undefined) return refused(notFound('command', commandId))
    const told = this.#audit(actor, 'command:interrupt', commandId)
    const applied = await this.#ledger.apply(commandId, { kind: 'cancel', reason: reason ?? 'interrupted' }, [], told)
    switch (applied.status) {
      case 'changed':
        return { status: 'ok', affected: true, command: applied.command }
      case 'same':
        return { status: 'ok', affected: false, command: applied.command }
      case 'unavailable':
        return refused(unavailable(applied))
      case 'unknown':
        return refused(notFound('command', commandId))
    }
  }

  /** Submits the same command again as a new one with `retryOf`. Only a command that has ended can be retried. */
  retry(commandId: string, { canSee, createdBy, actor }: Caller & { createdBy: string }): Promise<SubmitResult> {
    return this.#judged(async () => {
      const command = await this.#visible(commandId, canSee)
      if (command === undefined) return refused(notFound('command', commandId))
      if (!isFinal(command.status)) return refused(notNow(command, 'has not ended, so it cannot be retried'))
      return this.#submit(retryOf(command, createdBy), canSee, this.#audit(actor, 'command:retry', commandId))
    })
  }

  /** Changes a command that is still queued. */
  async edit(commandId: string, changes: EditCommandBody, { canSee, actor }: Caller): Promise<EditOutcome> {
    const flaw = inputFlaw(changes.input)
    if (flaw !== undefined) return refused(flaw)
    return this.#judged(async () => {
      const command = await this.#visible(commandId, canSee)
      if (command === undefined) return refused(notFound('command', commandId))
      const told = this.#audit(actor, 'command:edit', commandId)
      const event = { kind: 'edit', changes: this.#placed(command, changes) } as const
      return this.#whileQueued(commandId, await this.#ledger.apply(commandId, event, [], told))
    })
  }

  /**
   * Gives a command that is moved to the front a later time than any before it, even within one millisecond and after
   * the clock was set back.
   */
  #placed({ agentId }: Command, { runNext, ...changes }: EditCommandBody): CommandChanges {
    if (runNext === undefined) return changes
    if (!runNext) return { ...changes, runNextAt: null }
    const [first] = this.#ledger.liveOf(agentId).queued
    this.#movedAt = Math.max(this.#clock.now(), this.#movedAt + 1, (first?.runNextAt ?? 0) + 1)
    return { ...changes, runNextAt: this.#movedAt }
  }

  /** Ends a command that is still queued. */
  drop(commandId: string, { canSee, actor }: Caller): Promise<EditOutcome> {
    return this.#judged(async () => {
      if ((await this.#visible(commandId, canSee)) === undefined) return refused(notFound('command', commandId))
      const told = this.#audit(actor, 'command:drop', commandId)
      return this.#whileQueued(commandId, await this.#ledger.apply(commandId, { kind: 'drop' }, [], told))
    })
  }

  #audit(actor: Actor | undefined, action: AuditAction, commandId: string): EventDraft[] {
    return auditDrafts(actor, action, commandId, this.#clock.now())
  }

  #whileQueued(commandId: string, applied: Applied): EditOutcome {
    switch (applied.status) {
      case 'changed':
        return { status: 'ok', command: applied.command }
      case 'same':
        return refused(notNow(applied.command, isQueued(applied.command) ? INPUT_FIXED : 'is no longer queued'))
      case 'unavailable':
        return refused(unavailable(applied))
      case 'unknown':
        return refused(notFound('command', commandId))
    }
  }

  get(commandId: string): Promise<Command | undefined> {
    return foundInAll(this.#log, () => this.#ledger.get(commandId))
  }

  /** Newest first. */
  list({ limit, cursor, ...where }: ListQuery): Promise<CommandList> {
    return itemPage(this.#log, { kind: 'command', where, order: 'desc', limit, cursor })
  }

  /** Resolves with the command once it has ended, or with its current state after `timeoutMs`. */
  waitForEnd(command: Command, timeoutMs: number): Promise<Command> {
    return this.#waits.untilEnd(command, timeoutMs)
  }

  /** Ends all waits, and allows none until the next start: each resolves with its command in its current state. */
  endWaits(): void {
    this.#waits.close()
  }

  #judged<T extends { status: string }>(judge: () => Promise<T | Refused>): Promise<T | Refused> {
    return judgedOnAll(this.#log, judge)
  }

  async #visible(commandId: string, canSee: CanSee): Promise<Command | undefined> {
    const command = await this.#ledger.get(commandId)
    return command !== undefined && canSee(command.agentId) ? command : undefined
  }
}

const isQueued = ({ status }: Command) => status === 'queued'
const INPUT_FIXED = 'was already sent to its agent, so its input cannot be changed'
const notNow = (command: Command, why: string) =>
  wireError('conflict', `Command "${command.commandId}" ${why}: it is ${command.status}.`, { status: command.status })
