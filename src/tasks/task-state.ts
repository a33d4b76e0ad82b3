import type { EventType, Task, TaskAction, TaskFields } from '@fleetwire/protocol'

/** An event of a task. `fields` change it; fields that are not named stay unchanged. */
export type TaskEvent =
  | { kind: 'create'; taskId: string; fields: TaskFields; status?: Task['status'] }
  /** Replaces all fields that people set; creates the task if it does not exist. */
  | { kind: 'replace'; taskId: string; fields: TaskFields; status?: Task['status'] }
  | { kind: 'edit'; fields: TaskFields; status?: Task['status'] }
  | { kind: 'act'; action: TaskAction; fields: TaskFields }
  | { kind: 'progress'; fields: TaskFields }
  | {
      kind: 'report'
      verb: TaskAction | 'create' | 'update' | 'progress'
      taskId: string
      agentId: string
      fields: TaskFields
      /** A command of the agent names this task, so the agent may report on it without having taken it. */
      given?: boolean
    }

type TaskEventType = Extract<EventType, `task:${string}`>

export type TaskDecision =
  | { to: 'next'; type: Exclude<TaskEventType, 'task:deleted'>; task: Task }
  | {
      to: 'same'
      /**
       * `already`: nothing to change. `begun`: nothing leads back to `pending`. `foreign`: it belongs to another agent,
       * or it is unassigned and was not given to this agent.
       */
      why: 'absent' | 'exists' | 'ended' | 'already' | 'begun' | 'foreign'
    }

const outcomes = {
  start: { status: 'running', type: 'task:started' },
  pause: { status: 'paused', type: 'task:paused' },
  complete: { status: 'completed', type: 'task:completed' },
  fail: { status: 'failed', type: 'task:failed' },
  cancel: { status: 'cancelled', type: 'task:cancelled' },
} as const satisfies Record<TaskAction, { status: Task['status']; type: TaskEventType }>

const actionOf = {
  running: 'start',
  paused: 'pause',
  completed: 'complete',
  failed: 'fail',
  cancelled: 'cancel',
} as const

export const hasEnded = ({ status }: Task): boolean =>
  status !== 'pending' && status !== 'running' && status !== 'paused'

/** The task (undefined: there is none) after an event at `now`, epoch ms. Pure and total. */
export function changeTask(task: Task | undefined, event: TaskEvent, now: number): TaskDecision {
  switch (event.kind) {
    case 'create':
      return task === undefined ? made(event, now) : { to: 'same', why: 'exists' }
    case 'replace':
      if (task === undefined) return made(event, now)
      return edit({ ...blank(task.taskId, task.createdAt), ...lifeOf(task) }, event.fields, event.status, now)
    case 'edit':
      return task === undefined ? { to: 'same', why: 'absent' } : edit(task, event.fields, event.status, now)
    case 'act':
      return task === undefined ? { to: 'same', why: 'absent' } : act(task, event.action, event.fields, now)
    case 'progress':
      return task === undefined ? { to: 'same', why: 'absent' } : progressed(task, event.fields, now)
    case 'report':
      return report(task, event, now)
  }
}

function report(
  task: Task | undefined,
  { verb, taskId, agentId, fields, given }: Extract<TaskEvent, { kind: 'report' }>,
  now: number,
): TaskDecision {
  if (task === undefined) {
    // Only these two create a task: a late report must not recreate a deleted one.
    if (verb !== 'create' && verb !== 'start') return { to: 'same', why: 'absent' }
    const task = { ...blank(taskId, now), ...fields, agentId }
    return verb === 'start' ? act(task, 'start', {}, now) : { to: 'next', type: 'task:created', task }
  }
  const isOpen = task.agentId === undefined
  if (isOpen ? verb !== 'start' && !given : task.agentId !== agentId) return { to: 'same', why: 'foreign' }
  switch (verb) {
    case 'create':
    case 'update':
      return updated(task, fields, now)
    case 'progress':
      return progressed(task, isOpen ? { ...fields, agentId } : fields, now)
    case 'start':
    case 'pause':
    case 'complete':
    case 'fail':
    case 'cancel':
      return act(task, verb, isOpen ? { ...fields, agentId } : fields, now)
  }
}

/** Progress starts the task. */
function progressed(task: Task, fields: TaskFields, now: number): TaskDecision {
  if (hasEnded(task)) return { to: 'same', why: 'ended' }
  if (task.status === 'pending') return act(task, 'start', fields, now)
  return { to: 'next', type: 'task:progress', task: { ...task, ...fields, updatedAt: now } }
}

function act(task: Task, action: TaskAction, fields: TaskFields, now: number): TaskDecision {
  const { status, type } = outcomes[action]
  if (hasEnded(task)) return { to: 'same', why: task.status === status ? 'already' : 'ended' }
  if (task.status === status) {
    return Object.keys(fields).length === 0 ? { to: 'same', why: 'already' } : updated(task, fields, now)
  }
  const next: Task = { ...task, ...fields, status, updatedAt: now }
  if (action === 'start') next.startedAt ??= now
  if (action === 'complete') next.progress = 1
  if (hasEnded(next)) next.endedAt = now
  return { to: 'next', type, task: next }
}

/** Created in the requested state: importing work that was done elsewhere takes one event. */
function made(
  { taskId, fields, status = 'pending' }: Extract<TaskEvent, { kind: 'create' | 'replace' }>,
  now: number,
): TaskDecision {
  const made = edit({ ...blank(taskId, now), ...fields }, {}, status, now)
  return made.to === 'next' ? { ...made, type: 'task:created' } : made
}

function edit(task: Task, fields: TaskFields, status: Task['status'] | undefined, now: number): TaskDecision {
  if (status === undefined || status === task.status) return updated(task, fields, now)
  const action = actionTo(status)
  return action === undefined ? { to: 'same', why: 'begun' } : act(task, action, fields, now)
}

function updated(task: Task, fields: TaskFields, now: number): TaskDecision {
  return { to: 'next', type: 'task:updated', task: { ...task, ...fields, updatedAt: now } }
}

const blank = (taskId: string, now: number): Task => ({
  taskId,
  title: taskId,
  description: '',
  status: 'pending',
  labels: {},
  progress: 0,
  confidence: 0,
  message: '',
  createdAt: now,
  updatedAt: now,
})

/** The fields that follow from the task's life cycle and that nobody sets. */
function lifeOf({ status, startedAt, endedAt }: Task): Partial<Task> {
  return { status, ...(startedAt !== undefined && { startedAt }), ...(endedAt !== undefined && { endedAt }) }
}

/** The action that leads to a status. None leads to `pending`, where a task begins. */
const actionTo = (status: Task['status']): TaskAction | undefined =>
  status === 'pending' ? undefined : actionOf[status]
