import { type Task, type TaskAction, type TaskFields, topics, type WireError, wireError } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { depthFlaw } from '../depth-flaw.ts'
import { newId } from '../ids.ts'
import { changeRecord, type ReportOutcome } from '../log/change-record.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import { changeTask, type TaskDecision, type TaskEvent } from './task-state.ts'

export type TaskOutcome =
  /** On disk. `changed: false`: it was what was asked for already. */
  { status: 'ok'; task: Task; changed: boolean } | { status: 'refused'; error: WireError }

export type TaskReport = Omit<Extract<TaskEvent, { kind: 'report' }>, 'kind'>

export interface TaskQuery {
  status?: readonly Task['status'][]
  agentId?: string
  parentTaskId?: string
  /** Strictly after, epoch ms. */
  createdAfter?: number
  limit: number
  cursor?: string
}

export interface TaskList {
  items: Task[]
  nextCursor: string | null
}

type Why = Extract<TaskDecision, { to: 'same' }>['why']
interface New {
  taskId?: string | undefined
  status?: Task['status'] | undefined
  fields: TaskFields
}

/** How far up a parent is looked for: deeper trees are refused. */
const MAX_PARENTS = 32
const EXPORT_PAGE = 500

/** Tasks: what is to be done, by whom, and how far it is. Each is a record; agents and people change it. */
export class TaskService {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #retentionMs: number

  constructor({ log, clock, retentionMs }: { log: EventLog; clock: Clock; retentionMs: number }) {
    this.#log = log
    this.#clock = clock
    this.#retentionMs = retentionMs
  }

  async get(taskId: string): Promise<Task | undefined> {
    return (await this.#log.get(topics.taskStatus(taskId)))?.payload as Task | undefined
  }

  /** Newest first. */
  async list({ limit, cursor, parentTaskId, ...where }: TaskQuery): Promise<TaskList> {
    const { records, nextPage } = await this.#log.list({
      kind: 'task',
      where: { ...where, ...(parentTaskId !== undefined && { parentId: parentTaskId }) },
      order: 'desc',
      limit,
      ...(cursor !== undefined && { page: cursor }),
    })
    return { items: records.map(record => record.payload as Task), nextCursor: nextPage }
  }

  /** All that fit, page by page, newest first: as many as there are, in bounded memory. */
  async *pages(query: Omit<TaskQuery, 'limit' | 'cursor'>): AsyncGenerator<Task[], void> {
    let cursor: string | null | undefined
    do {
      const page: TaskList = await this.list({ ...query, limit: EXPORT_PAGE, ...(cursor && { cursor }) })
      yield page.items
      cursor = page.nextCursor
    } while (cursor !== null)
  }

  async create({ taskId = newId('task'), fields, status }: New): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'create', taskId, fields, ...(status !== undefined && { status }) })
  }

  async replace(taskId: string, { fields, status }: New): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'replace', taskId, fields, ...(status !== undefined && { status }) })
  }

  async edit(taskId: string, { fields, status }: New): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'edit', fields, ...(status !== undefined && { status }) })
  }

  async act(taskId: string, action: TaskAction, fields: TaskFields): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'act', action, fields })
  }

  /** How far it is; a task that was waiting has begun by that. */
  async progress(taskId: string, fields: TaskFields): Promise<TaskOutcome> {
    return this.#change(taskId, { kind: 'progress', fields })
  }

  /** Removes a task that nobody works on and that is nobody's parent. */
  async remove(taskId: string): Promise<WireError | undefined> {
    const children = await this.list({ parentTaskId: taskId, limit: 1 })
    const child = children.items[0]
    if (child !== undefined) {
      return wireError('conflict', `Task "${taskId}" has subtasks, such as "${child.taskId}": delete those first.`)
    }
    const topic = topics.taskStatus(taskId)
    const draft = draftOf('task:deleted', topic, { taskId }, { record: 'delete', taskId })
    const removed = await changeRecord<Task, 'absent' | 'busy'>(this.#log, {
      topic,
      decide: task => {
        if (task === undefined) return { to: 'same', why: 'absent' }
        return task.status === 'running' ? { to: 'same', why: 'busy' } : { to: 'next', value: task, draft }
      },
    })
    switch (removed.status) {
      case 'changed':
        return undefined
      case 'unavailable':
        return unavailable(removed.retryAfterMs)
      case 'same':
        return removed.why === 'absent'
          ? notFound(taskId)
          : wireError('conflict', `Task "${taskId}" is running: cancel it first.`, { status: 'running' })
    }
  }

  /** What an agent says of a task; `alongside` is stored in the same step, also where the report is refused. */
  async report(report: TaskReport, alongside: readonly EventDraft[]): Promise<ReportOutcome> {
    const { taskId } = report
    const flaw = await this.#parentFlaw(taskId, report.fields.parentTaskId, false)
    if (flaw !== undefined) {
      const stored = alongside.length === 0 ? undefined : await this.#log.append(alongside)
      return stored?.status === 'unavailable' ? stored : { status: 'refused', error: flaw }
    }
    const changed = await this.#apply(taskId, { kind: 'report', ...report }, alongside)
    if (changed.status === 'unavailable') return changed
    if (changed.status === 'changed' || changed.why === 'already') return { status: 'stored' }
    return { status: 'refused', error: refusalOf(taskId, changed.why, changed.value) }
  }

  async #change(taskId: string, event: Exclude<TaskEvent, { kind: 'report' }>): Promise<TaskOutcome> {
    const flaw = depthFlaw(event.fields) ?? (await this.#parentFlaw(taskId, event.fields.parentTaskId, true))
    if (flaw !== undefined) return { status: 'refused', error: flaw }
    const changed = await this.#apply(taskId, event)
    switch (changed.status) {
      case 'changed':
        return { status: 'ok', task: changed.value, changed: true }
      case 'unavailable':
        return { status: 'refused', error: unavailable(changed.retryAfterMs) }
      case 'same':
        return changed.why === 'already' && changed.value !== undefined
          ? { status: 'ok', task: changed.value, changed: false }
          : { status: 'refused', error: refusalOf(taskId, changed.why, changed.value) }
    }
  }

  #apply(taskId: string, event: TaskEvent, alongside: readonly EventDraft[] = []) {
    return changeRecord<Task, Why>(this.#log, {
      topic: topics.taskStatus(taskId),
      alongside,
      decide: current => {
        const decision = changeTask(current, event, this.#clock.now())
        if (decision.to === 'same') return decision
        return { to: 'next', value: decision.task, draft: this.#draft(decision) }
      },
    })
  }

  #draft({ type, task }: Extract<TaskDecision, { to: 'next' }>): EventDraft {
    const { taskId, endedAt } = task
    return draftOf(type, topics.taskStatus(taskId), task, {
      record: 'set',
      taskId,
      ...(endedAt !== undefined && { expiresAt: endedAt + this.#retentionMs }),
    })
  }

  /** A tree it stays: no task is above itself. A caller's parent must be there; an agent's may come later. */
  async #parentFlaw(taskId: string, parentId: string | undefined, mustExist: boolean): Promise<WireError | undefined> {
    let above = parentId
    for (let depth = 0; above !== undefined; depth++) {
      if (above === taskId) return wireError('conflict', `parentTaskId: task "${taskId}" would stand above itself.`)
      if (depth === MAX_PARENTS) return wireError('conflict', `parentTaskId: more than ${MAX_PARENTS} levels.`)
      const parent: Task | undefined = await this.get(above)
      if (parent === undefined && depth === 0 && mustExist) {
        return wireError('invalid_request', `parentTaskId: there is no task "${above}".`)
      }
      above = parent?.parentTaskId
    }
    return undefined
  }
}

const notFound = (taskId: string) => wireError('not_found', `There is no task "${taskId}".`)
const unavailable = (retryAfterMs: number) =>
  wireError('unavailable', 'The log cannot accept now; try again.', { retryAfterMs })

function refusalOf(taskId: string, why: Why, task: Task | undefined): WireError {
  const details = task && { status: task.status }
  switch (why) {
    case 'absent':
      return notFound(taskId)
    case 'exists':
      return wireError('conflict', `There is a task "${taskId}" already.`, details)
    case 'ended':
      return wireError('conflict', `Task "${taskId}" has ended: it is ${task?.status}.`, details)
    case 'begun':
      return wireError('conflict', `Task "${taskId}" is ${task?.status}: nothing leads back to pending.`, details)
    case 'foreign':
      return wireError('conflict', `Task "${taskId}" belongs to another agent.`)
    case 'already':
      return wireError('conflict', `Task "${taskId}" is ${task?.status} already.`, details)
  }
}
