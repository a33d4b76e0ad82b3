import { type Task, type TaskAction, type TaskFields, topics, type WireError, wireError } from '@fleetwire/protocol'
import { type Caller, inProcess } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { newId } from '../ids.ts'
import { type AuditAction, auditDrafts } from '../log/audit.ts'
import { foundInAll, judgedOnAll } from '../log/caught-up.ts'
import { changeRecord, type ReportOutcome, refuseReport } from '../log/change-record.ts'
import { draftOf } from '../log/draft.ts'
import { eachPage, type ItemPage, itemPage } from '../log/each-record.ts'
import type { EventDraft, EventLog, LogRecord } from '../log/event-log.ts'
import { notFound, type Refused, refused, unavailable } from '../outcome.ts'
import { fieldsFlaw } from '../value-flaw.ts'
import { changeTask, type TaskDecision, type TaskEvent } from './task-state.ts'

export type TaskOutcome =
  /** On disk. `changed: false`: the task already was as requested. */
  { status: 'ok'; task: Task; changed: boolean } | Refused

export type TaskReport = Omit<Extract<TaskEvent, { kind: 'report' }>, 'kind' | 'given'>

type AskedEvent = Exclude<TaskEvent, { kind: 'report' }>

export interface TaskQuery {
  status?: readonly Task['status'][]
  agentId?: string
  /** Patterns of agent ids; tasks of other agents are left out. */
  agentLike?: readonly string[]
  parentTaskId?: string
  /** Only tasks created after this time, epoch ms. */
  createdAfter?: number
  limit: number
  cursor?: string
}

export type TaskList = ItemPage<Task>

type Why = Extract<TaskDecision, { to: 'same' }>['why'] | 'large'
interface New {
  taskId?: string | undefined
  status?: Task['status'] | undefined
  fields: TaskFields
}

/** How many ancestors a task may have; deeper trees are refused. */
const MAX_PARENTS = 32

/**
 * Tasks: what is to be done, by whom, and how far along it is. Each is a record that agents and people change. The
 * default caller is code in this process.
 */
export class TaskService {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #retentionMs: number

  constructor({ log, clock, retentionMs }: { log: EventLog; clock: Clock; retentionMs: number }) {
    this.#log = log
    this.#clock = clock
    this.#retentionMs = retentionMs
  }

  get(taskId: string, caller: Caller = inProcess): Promise<Task | undefined> {
    return foundInAll(this.#log, () => this.#find(taskId, caller))
  }

  async #find(taskId: string, caller: Caller = inProcess): Promise<Task | undefined> {
    const task = (await this.#log.get(topics.taskStatus(taskId)))?.payload as Task | undefined
    return task !== undefined && sees(caller, task) ? task : undefined
  }

  /** The agent of a task, for publications about it. */
  readonly ownerOf = async (taskId: string): Promise<'absent' | { agentId?: string }> =>
    (await this.get(taskId)) ?? 'absent'

  /**
   * Why a caller may not refer to this task. Callers who see the whole fleet may name tasks that do not exist yet; for
   * others, those look the same as hidden ones.
   */
  async hidden(taskId: string | undefined, caller: Caller): Promise<WireError | undefined> {
    if (taskId === undefined || caller.seesFleet) return undefined
    return (await this.get(taskId, caller)) === undefined ? notFound('task', taskId) : undefined
  }

  /** Newest first. */
  list({ limit, cursor, ...query }: TaskQuery): Promise<TaskList> {
    return itemPage(this.#log, { ...recordsOf(query), limit, cursor })
  }

  /** All matching tasks, newest first, read page by page in bounded memory. */
  async *pages(query: Omit<TaskQuery, 'limit' | 'cursor'>): AsyncGenerator<Task[], void> {
    for await (const records of eachPage(this.#log, recordsOf(query)))
      yield records.map(({ payload }) => payload as Task)
  }

  async create({ taskId = newId('task'), fields, status }: New, caller?: Caller): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'create', taskId, fields, ...(status !== undefined && { status }) }, caller)
  }

  async replace(taskId: string, { fields, status }: New, caller?: Caller): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'replace', taskId, fields, ...(status !== undefined && { status }) }, caller)
  }

  async edit(taskId: string, { fields, status }: New, caller?: Caller): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'edit', fields, ...(status !== undefined && { status }) }, caller)
  }

  async act(taskId: string, action: TaskAction, fields: TaskFields, caller?: Caller): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'act', action, fields }, caller)
  }

  /** Reports progress, which starts a task that was waiting. */
  async progress(taskId: string, fields: TaskFields): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'progress', fields })
  }

  /** Removes a task that nobody works on and that has no children. */
  async remove(taskId: string, caller: Caller = inProcess): Promise<WireError | undefined> {
    if ((await this.get(taskId, caller)) === undefined) return notFound('task', taskId)
    const children = await this.list({ parentTaskId: taskId, limit: 1 })
    const child = children.items[0]
    if (child !== undefined) {
      const named = sees(caller, child) ? `, such as "${child.taskId}"` : ''
      return wireError('conflict', `Task "${taskId}" has subtasks${named}: delete those first.`)
    }
    const topic = topics.taskStatus(taskId)
    const removed = await changeRecord<Task, 'absent' | 'busy'>(this.#log, {
      topic,
      decide: task => {
        if (task === undefined || !sees(caller, task)) return { to: 'same', why: 'absent' }
        if (task.status === 'running') return { to: 'same', why: 'busy' }
        const draft = draftOf('task:deleted', topic, { taskId }, { record: 'delete', taskId, ...ownerOf(task) })
        return {
          to: 'next',
          value: task,
          draft,
          told: auditDrafts(caller.actor, 'task:delete', taskId, this.#clock.now()),
        }
      },
    })
    switch (removed.status) {
      case 'changed':
        return undefined
      case 'unavailable':
        return unavailable(removed)
      case 'same':
        return removed.why === 'absent'
          ? notFound('task', taskId)
          : wireError('conflict', `Task "${taskId}" is running: cancel it first.`, { status: 'running' })
    }
  }

  /** Stores an agent's report about a task. `alongside` is stored in the same step, even if the report is refused. */
  async report(report: TaskReport, alongside: readonly EventDraft[]): Promise<ReportOutcome> {
    const { taskId } = report
    const flaw = await this.#parentFlaw(taskId, report.fields.parentTaskId, undefined)
    if (flaw !== undefined) return refuseReport(this.#log, flaw, alongside)
    const known = await this.#log.get(topics.taskStatus(taskId))
    const given = await this.#wasGiven(report, known?.payload as Task | undefined)
    const changed = await this.#apply(taskId, { kind: 'report', ...report, given }, { alongside, known })
    if (changed.status === 'unavailable') return changed
    if (changed.status === 'changed' || changed.why === 'already') return { status: 'stored' }
    return refused(refusalOf(taskId, changed.why, changed.value))
  }

  /** A command of the agent names the task, so people gave it the task. Looked up only if it matters. */
  async #wasGiven({ agentId, taskId, verb }: TaskReport, task: Task | undefined): Promise<boolean> {
    if (task === undefined || task.agentId !== undefined || verb === 'start') return false
    const { records } = await this.#log.list({ kind: 'command', where: { taskId, agentId }, limit: 1 })
    return records.length > 0
  }

  #change(taskId: string, event: AskedEvent, caller: Caller = inProcess): Promise<TaskOutcome> {
    return judgedOnAll(this.#log, () => this.#changeNow(taskId, event, caller))
  }

  async #changeNow(taskId: string, event: AskedEvent, caller: Caller): Promise<TaskOutcome> {
    const flaw = fieldsFlaw(event.fields) ?? (await this.#parentFlaw(taskId, event.fields.parentTaskId, caller))
    if (flaw !== undefined) return refused(flaw)
    const changed = await this.#apply(taskId, event, { caller })
    switch (changed.status) {
      case 'changed':
        return { status: 'ok', task: changed.value, changed: true }
      case 'unavailable':
        return refused(unavailable(changed))
      case 'same': {
        const task = changed.value !== undefined && sees(caller, changed.value) ? changed.value : undefined
        return changed.why === 'already' && task !== undefined
          ? { status: 'ok', task, changed: false }
          : refused(refusalOf(taskId, changed.why, task))
      }
    }
  }

  #apply(
    taskId: string,
    event: TaskEvent,
    {
      alongside = [],
      caller = inProcess,
      known,
    }: { alongside?: readonly EventDraft[]; caller?: Caller; known?: LogRecord | undefined },
  ) {
    return changeRecord<Task, Why>(this.#log, {
      topic: topics.taskStatus(taskId),
      alongside,
      known,
      decide: current => {
        const now = this.#clock.now()
        // All callers share the ids: the refusal says only that the id is taken.
        if (current !== undefined && !sees(caller, current)) {
          return { to: 'same', why: event.kind === 'create' ? 'exists' : 'absent' }
        }
        const decision = changeTask(current, event, now)
        if (decision.to === 'same') return decision
        if (isLarge(decision.task)) return { to: 'same', why: 'large' }
        const told = auditDrafts(caller.actor, auditedAs(event), taskId, now)
        return { to: 'next', value: decision.task, draft: this.#draft(decision), told }
      },
    })
  }

  #draft({ type, task }: Extract<TaskDecision, { to: 'next' }>): EventDraft {
    const { taskId, endedAt } = task
    return draftOf(type, topics.taskStatus(taskId), task, {
      record: 'set',
      taskId,
      ...ownerOf(task),
      ...(endedAt !== undefined && { expiresAt: endedAt + this.#retentionMs }),
    })
  }

  /**
   * Keeps the tasks a tree: no task is its own ancestor. A parent that a caller names must exist; one that an agent
   * names may be created later.
   */
  async #parentFlaw(
    taskId: string,
    parentId: string | undefined,
    mustSee: Caller | undefined,
  ): Promise<WireError | undefined> {
    let above = parentId
    for (let depth = 0; above !== undefined; depth++) {
      if (above === taskId) return wireError('conflict', `parentTaskId: task "${taskId}" would be its own ancestor.`)
      if (depth === MAX_PARENTS) return wireError('conflict', `parentTaskId: more than ${MAX_PARENTS} levels.`)
      const parent: Task | undefined = await this.#find(above)
      if (depth === 0 && mustSee !== undefined && (parent === undefined || !sees(mustSee, parent))) {
        return wireError('invalid_request', `parentTaskId: there is no task "${above}".`)
      }
      above = parent?.parentTaskId
    }
    return undefined
  }
}

/** Everybody sees a task without an agent. */
const sees = ({ canSee }: Caller, { agentId }: Task): boolean => agentId === undefined || canSee(agentId)

const ownerOf = ({ agentId }: Task) => agentId !== undefined && { agentId }

function auditedAs(event: TaskEvent): AuditAction {
  switch (event.kind) {
    case 'create':
    case 'replace':
    case 'edit':
      return `task:${event.kind}`
    case 'act':
      return `task:${event.action}`
    case 'progress':
    case 'report':
      return 'task:edit'
  }
}

/** Every change stores the whole task, so without a limit a large one would make each change expensive. */
const MAX_TASK_BYTES = 512 * 1024
const isLarge = (task: Task) => Buffer.byteLength(JSON.stringify(task)) > MAX_TASK_BYTES

function refusalOf(taskId: string, why: Why, task: Task | undefined): WireError {
  const details = task && { status: task.status }
  switch (why) {
    case 'absent':
      return notFound('task', taskId)
    case 'exists':
      return wireError('conflict', `Task "${taskId}" already exists.`, details)
    case 'ended':
      return wireError('conflict', `Task "${taskId}" has ended: it is ${task?.status}.`, details)
    case 'begun':
      return wireError('conflict', `Task "${taskId}" is ${task?.status}: it cannot go back to pending.`, details)
    case 'foreign':
      return task?.agentId === undefined
        ? wireError('conflict', `Task "${taskId}" has no agent yet: send task:start to take it.`)
        : wireError('conflict', `Task "${taskId}" belongs to another agent.`)
    case 'large':
      return wireError('too_large', `Task "${taskId}" would be larger than ${MAX_TASK_BYTES} bytes of JSON.`, {
        limitBytes: MAX_TASK_BYTES,
      })
    case 'already':
      return wireError('conflict', `Task "${taskId}" is already ${task?.status}.`, details)
  }
}

/** Newest first. */
const recordsOf = ({ parentTaskId, ...where }: Omit<TaskQuery, 'limit' | 'cursor'>) =>
  ({
    kind: 'task',
    where: { ...where, ...(parentTaskId !== undefined && { parentId: parentTaskId }) },
    order: 'desc',
  }) as const
