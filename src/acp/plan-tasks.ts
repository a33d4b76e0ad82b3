import type { PlanEntry } from '@agentclientprotocol/sdk'
import type { AgentPayloads } from '@fleetwire/protocol'

type TaskReportType = Extract<keyof AgentPayloads, `task:${string}`>
export type TaskReport = { [K in TaskReportType]: { type: K; payload: AgentPayloads[K] } }[TaskReportType]

interface PlannedTask {
  taskId: string
  title: string
  status: PlanEntry['status']
}

export interface PlanContext {
  sessionId: string
  /** The task that the current command belongs to. */
  parentTaskId?: string | undefined
}

const MAX_TITLE_CHARS = 512

/**
 * The plan of a session as tasks. Each update contains the whole plan. Entries are matched with tasks by text, then by
 * position. A task that has ended stays ended, so an entry that is resumed becomes a new task.
 */
export class PlanTasks {
  readonly #newId: () => string
  #tasks: PlannedTask[] = []

  constructor(newId: () => string) {
    this.#newId = newId
  }

  /** The ids of tasks that have not ended. */
  get open(): string[] {
    return this.#tasks.filter(({ status }) => status !== 'completed').map(({ taskId }) => taskId)
  }

  /** Takes a new plan and returns the changes to report. */
  update(entries: readonly PlanEntry[], context: PlanContext): TaskReport[] {
    const reports: TaskReport[] = []
    const before = new Set(this.#tasks)
    const known = entries.map(({ content }) => {
      const task = this.#tasks.find(task => before.has(task) && task.title === titleOf(content))
      if (task !== undefined) before.delete(task)
      return task
    })
    this.#tasks = entries.map((entry, place) => {
      const title = titleOf(entry.content)
      let task = known[place] ?? [...before].find(task => this.#tasks.indexOf(task) === place)
      if (task !== undefined) before.delete(task)
      if (task?.status === 'completed' && (entry.status !== 'completed' || task.title !== title)) task = undefined
      if (task === undefined) {
        const created = { taskId: this.#newId(), title, status: 'pending' as const }
        reports.push({ type: 'task:create', payload: creation(created, entry, context) })
        task = created
      } else if (task.title !== title) {
        reports.push({ type: 'task:update', payload: { taskId: task.taskId, title } })
      }
      if (task.status !== entry.status) reports.push(move(task.taskId, entry.status))
      return { taskId: task.taskId, title, status: entry.status }
    })
    for (const task of before) if (task.status !== 'completed') reports.push(cancel(task.taskId, 'No longer planned.'))
    return reports
  }

  /** The turn is over, so tasks in progress are paused. */
  pause(): TaskReport[] {
    return this.#tasks.flatMap(task => {
      if (task.status !== 'in_progress') return []
      task.status = 'pending'
      return [{ type: 'task:pause', payload: { taskId: task.taskId } }]
    })
  }

  /** Cancels all open tasks. */
  end(message: string): TaskReport[] {
    const reports = this.open.map(taskId => cancel(taskId, message))
    this.#tasks = []
    return reports
  }
}

export const cancel = (taskId: string, message: string): TaskReport => ({
  type: 'task:cancel',
  payload: { taskId, message },
})

function move(taskId: string, status: PlanEntry['status']): TaskReport {
  if (status === 'completed') return { type: 'task:complete', payload: { taskId } }
  return { type: status === 'in_progress' ? 'task:start' : 'task:pause', payload: { taskId } }
}

function creation(
  { taskId, title }: PlannedTask,
  { content, priority }: PlanEntry,
  { sessionId, parentTaskId }: PlanContext,
): AgentPayloads['task:create'] {
  return {
    taskId,
    title,
    ...(content.length > MAX_TITLE_CHARS && { description: content.slice(0, 10_000) }),
    labels: { session: sessionId, priority },
    ...(parentTaskId !== undefined && { parentTaskId }),
  }
}

const titleOf = (content: string): string => content.slice(0, MAX_TITLE_CHARS)
