import {
  type Agent,
  type Batch,
  type BatchBody,
  type BatchRefusal,
  type Command,
  commandStatuses,
  isFinal,
  wireError,
} from '@fleetwire/protocol'
import type { Actor, Caller, CanSee } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { newId } from '../ids.ts'
import { auditDrafts } from '../log/audit.ts'
import { changeRecord } from '../log/change-record.ts'
import { eachRecord } from '../log/each-record.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import { notFound, type Refused, refused, unavailable } from '../outcome.ts'
import { type BatchGate, failingStatuses } from './batch-gate.ts'
import type { CommandLedger } from './command-ledger.ts'
import type { CommandQueue } from './command-queue.ts'
import type { TaskView } from './command-types.ts'
import { batchKeyTopic, bodyHash, claimDraft, keyState } from './idempotency.ts'

/** The stored part of a batch; the rest is computed from its commands. */
type BatchRecord = Omit<Batch, 'status' | 'counts' | 'commands'>

export type BatchResult =
  | { status: 'accepted' | 'replayed'; parentId: string; commands: Command[]; refused: BatchRefusal[] }
  | Refused

export interface BatchServiceOptions {
  log: EventLog
  ledger: CommandLedger
  commandQueue: CommandQueue
  gate: BatchGate
  agents: { all(): Iterable<Agent> }
  tasks: TaskView
  clock: Clock
  retentionMs: number
  onFault: (error: unknown) => void
}

const topicOf = (parentId: string) => `$batches.${parentId}`

/** One command for many agents: accepted in one step, kept within its limits, stopped as a whole. */
export class BatchService {
  readonly #options: BatchServiceOptions
  #stopListening: (() => void) | undefined

  constructor(options: BatchServiceOptions) {
    this.#options = options
  }

  /**
   * Resumes the batches that have not ended. Must run after the ledger has started and before anything is dispatched.
   */
  async open(): Promise<void> {
    const { ledger, gate, log } = this.#options
    if (this.#stopListening !== undefined) return
    gate.clear()
    this.#stopListening = gate.onFailures(parentId => this.#tooManyFailed(parentId))
    const parents = new Map<string, Command[]>()
    for (const command of ledger.all()) {
      if (command.parentId === undefined) continue
      const commands = parents.get(command.parentId)
      if (commands === undefined) parents.set(command.parentId, [command])
      else commands.push(command)
    }
    for (const [parentId, commands] of parents) {
      const record = (await log.get(topicOf(parentId)))?.payload as BatchRecord | undefined
      if (record === undefined) continue
      const failed = await this.#commandsOf(parentId, failingStatuses)
      gate.add(parentId, record, failed.length)
      for (const command of commands) gate.changed(command)
      if (record.stoppedAt !== undefined) await this.#cancelAll(parentId)
      else if (failed.length >= (record.stopOnFailures ?? Number.POSITIVE_INFINITY)) this.#tooManyFailed(parentId)
    }
  }

  close(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
  }

  async submit(
    body: BatchBody,
    { createdBy, idempotencyKey, ...caller }: Caller & { createdBy: string; idempotencyKey?: string },
  ): Promise<BatchResult> {
    const { log, clock, commandQueue, gate, tasks, retentionMs } = this.#options
    const { canSee } = caller
    const hidden = commandQueue.closed ?? (await tasks.hidden(body.command.taskId, caller))
    if (hidden !== undefined) return refused(hidden)
    const { selector, command, maxParallel, stopOnFailures } = body
    const keyTopic = idempotencyKey === undefined ? undefined : batchKeyTopic(createdBy, idempotencyKey)
    const hash = bodyHash(body)
    for (;;) {
      const now = clock.now()
      const claim: EventDraft[] = []
      const parentId = newId('bat')
      if (keyTopic !== undefined) {
        const key = keyState(await log.get(keyTopic), hash)
        if (key.state === 'used') return this.#replay(key, idempotencyKey!, canSee)
        claim.push(claimDraft(keyTopic, parentId, hash, now, key.version))
      }
      const { found, missing } = this.#select(selector, canSee)
      if (found.length === 0) return refused(wireError('not_found', 'The selector matches no agent.', { missing }))
      const limits = {
        ...(maxParallel !== undefined && { maxParallel }),
        ...(stopOnFailures !== undefined && { stopOnFailures }),
      }
      gate.add(parentId, limits)
      const result = await commandQueue.submitAll(
        found.map(agentId => ({ ...command, agentId, createdBy, parentId })),
        (accepted, busy) => {
          const payload: BatchRecord = {
            ...{ parentId, createdBy, createdAt: now, selector, kind: command.kind, total: accepted.length },
            ...limits,
            refused: [...missing, ...busy],
          }
          // Kept longer than its commands, which end later.
          const record: EventDraft = {
            ...{ type: 'batch:accepted', topic: topicOf(parentId), payload, record: 'set' },
            expiresAt: now + 2 * retentionMs,
          }
          return [...claim, record]
        },
      )
      if (result !== 'conflict' && result.status === 'accepted') {
        return { ...result, parentId, refused: [...missing, ...result.refused] }
      }
      gate.forget(parentId)
      if (result !== 'conflict') return result
    }
  }

  async get(parentId: string, canSee: CanSee): Promise<Batch | undefined> {
    const record = (await this.#options.log.get(topicOf(parentId)))?.payload as BatchRecord | undefined
    const all = await this.#commandsOf(parentId)
    const commands = all.filter(command => canSee(command.agentId))
    if (record === undefined || commands.length === 0) return undefined
    const counts = Object.fromEntries(commandStatuses.map(status => [status, 0])) as Batch['counts']
    for (const { status } of commands) counts[status]++
    const ended = commands.every(({ status }) => isFinal(status))
    return {
      ...record,
      ...(commands.length < all.length || hides(record, canSee) ? partOf(record, commands, canSee) : {}),
      status: ended ? 'ended' : record.stoppedAt === undefined ? 'running' : 'stopping',
      counts,
      commands: commands.map(({ commandId, agentId, status }) => ({ commandId, agentId, status })),
    }
  }

  /** Cancels the commands that have not ended. A repeated call gives the same answer. */
  async stop(parentId: string, { canSee, by, actor }: Caller & { by: string }): Promise<Batch | Refused> {
    if ((await this.get(parentId, canSee)) === undefined) return refused(notFound('batch', parentId))
    const all = await this.#commandsOf(parentId)
    if (!all.every(command => canSee(command.agentId))) {
      return refused(wireError('forbidden', 'This token does not see every agent of the batch.'))
    }
    const stopped = await this.#stop(parentId, 'requested', by, actor)
    if (stopped !== undefined) return stopped
    return (await this.get(parentId, canSee)) ?? refused(notFound('batch', parentId))
  }

  #select({ ids, labels, work }: BatchBody['selector'], canSee: CanSee): { found: string[]; missing: BatchRefusal[] } {
    const visible = new Map([...this.#options.agents.all()].map(agent => [agent.agentId, agent]))
    for (const agentId of visible.keys()) if (!canSee(agentId)) visible.delete(agentId)
    const missing = [...new Set(ids)].filter(agentId => !visible.has(agentId))
    const fits = (agent: Agent) =>
      (ids === undefined || ids.includes(agent.agentId)) &&
      (work === undefined || agent.work === work) &&
      Object.entries(labels ?? {}).every(([name, value]) => agent.labels[name] === value)
    return {
      found: [...visible.values()].filter(fits).map(agent => agent.agentId),
      missing: missing.map(agentId => ({ agentId, error: notFound('agent', agentId) })),
    }
  }

  /** The caller's rights may be narrower than at the first request, so the current rights filter the answer. */
  async #replay(
    { commandId: parentId, sameBody }: { commandId: string; sameBody: boolean },
    key: string,
    canSee: CanSee,
  ): Promise<BatchResult> {
    const all = await this.#commandsOf(parentId)
    const commands = all.filter(({ agentId }) => canSee(agentId))
    if (!sameBody) {
      const message = `The idempotency key "${key}" was used for another batch in the last 24 hours.`
      return refused(wireError('conflict', message, commands.length > 0 ? { parentId } : undefined))
    }
    if (all.length > 0 && commands.length === 0) {
      return refused(wireError('not_found', 'The selector matches no agent.', { missing: [] }))
    }
    const record = (await this.#options.log.get(topicOf(parentId)))?.payload as BatchRecord | undefined
    const refusals = (record?.refused ?? []).filter(({ agentId }) => canSee(agentId))
    return { status: 'replayed', parentId, commands, refused: refusals }
  }

  /** The batch has reached `stopOnFailures`. */
  #tooManyFailed(parentId: string): void {
    this.#stop(parentId, 'failures', 'fleetwire').catch(this.#options.onFault)
  }

  /** The stop is on disk before the first command is cancelled, so a restart in between continues it. */
  async #stop(
    parentId: string,
    stopReason: 'requested' | 'failures',
    stoppedBy: string,
    actor?: Actor,
  ): Promise<Refused | undefined> {
    const { log, clock, retentionMs } = this.#options
    const topic = topicOf(parentId)
    const changed = await changeRecord<BatchRecord, 'absent' | 'stopped'>(log, {
      topic,
      decide: record => {
        if (record === undefined) return { to: 'same', why: 'absent' }
        if (record.stoppedAt !== undefined) return { to: 'same', why: 'stopped' }
        const value = { ...record, stoppedAt: clock.now(), stopReason, stoppedBy }
        const expiresAt = record.createdAt + 2 * retentionMs
        const draft = { type: 'batch:stopped', topic, payload: value, record: 'set' as const, expiresAt }
        return { to: 'next', value, draft, told: auditDrafts(actor, 'batch:stop', parentId, clock.now()) }
      },
    })
    if (changed.status === 'unavailable') return refused(unavailable(changed))
    await this.#cancelAll(parentId)
    return undefined
  }

  async #cancelAll(parentId: string): Promise<void> {
    const { ledger } = this.#options
    const due = [...ledger.all()].filter(command => command.parentId === parentId)
    await Promise.all(due.map(({ commandId }) => ledger.apply(commandId, { kind: 'cancel', reason: 'batch_stopped' })))
  }

  async #commandsOf(parentId: string, status?: readonly Command['status'][]): Promise<Command[]> {
    const where = { parentId, ...(status !== undefined && { status }) }
    const commands: Command[] = []
    for await (const { payload } of eachRecord(this.#options.log, { kind: 'command', where }))
      commands.push(payload as Command)
    return commands
  }
}

/**
 * A token that sees only part of a batch gets the selection and size of that part; how the rest was selected is hidden.
 */
function partOf({ selector, refused }: BatchRecord, commands: readonly Command[], canSee: CanSee) {
  const { ids = [] } = selector
  const named = [...ids, ...commands.map(({ agentId }) => agentId)].filter(canSee)
  return {
    selector: { ids: [...new Set(named)] },
    total: commands.length,
    refused: refused.filter(({ agentId }) => canSee(agentId)),
  }
}

/** Whether the batch names agents that the caller may not see, with or without a command. */
const hides = ({ selector: { ids = [] }, refused }: BatchRecord, canSee: CanSee): boolean =>
  ![...ids, ...refused.map(({ agentId }) => agentId)].every(canSee)
