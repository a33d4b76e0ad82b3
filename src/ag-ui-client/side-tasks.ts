import type { CommandRun } from '@fleetwire/client/node'
import { applyPatch, PatchFailure, type PatchOperation } from '../sessions/json-patch.ts'
import { MAX_STATE_BYTES } from '../sessions/patch-state.ts'
import { fitId } from './fit-id.ts'

/** Activities of the agent that become tasks besides the command: steps, sub-agents and structured activities. */
type Kind = 'step' | 'subagent' | 'activity'
type End = 'completed' | 'failed' | 'cancelled'

const MAX_TITLE_CHARS = 512
const MAX_MESSAGE_CHARS = 2000

const verbs = { completed: 'task:complete', failed: 'task:fail', cancelled: 'task:cancel' } as const

/** The tasks of one command, which show what the agent is doing. */
export class SideTasks {
  readonly #run: Pick<CommandRun, 'report' | 'taskId'>
  readonly #prefix: string
  /** Open tasks by kind and name. */
  readonly #open = new Map<string, string>()
  readonly #activities = new Map<string, unknown>()
  #count = 0

  constructor(run: Pick<CommandRun, 'report' | 'taskId'>, prefix: string) {
    this.#run = run
    this.#prefix = prefix
  }

  start(kind: Kind, name: string, { title, description }: { title: string; description?: string | undefined }): void {
    const key = `${kind} ${name}`
    if (this.#open.has(key)) return
    const taskId = fitId(`${this.#prefix}_${++this.#count}`, 'task')
    this.#open.set(key, taskId)
    const { taskId: parentTaskId } = this.#run
    this.#run.report('task:start', {
      taskId,
      title: title.slice(0, MAX_TITLE_CHARS),
      labels: { 'ag-ui': kind },
      ...(description !== undefined && { description: description.slice(0, MAX_MESSAGE_CHARS) }),
      ...(parentTaskId !== undefined && { parentTaskId }),
    })
  }

  end(kind: Kind, name: string, end: End, why?: string): void {
    const key = `${kind} ${name}`
    const taskId = this.#open.get(key)
    if (taskId === undefined) return
    this.#open.delete(key)
    this.#run.report(verbs[end], { taskId, ...(why !== undefined && { error: { message: why } }) })
  }

  /** Structured progress, such as a plan: the task shows its current content as one line. */
  activity(id: string, type: string, content: unknown, replace: boolean): void {
    const key = `activity ${id}`
    if (this.#open.has(key) && !replace) return
    this.start('activity', id, { title: type })
    this.#activities.set(id, content)
    this.#tell(id, content)
  }

  activityPatch(id: string, patch: PatchOperation[]): void {
    if (!this.#activities.has(id)) return
    try {
      const content = applyPatch(structuredClone(this.#activities.get(id)), patch, MAX_STATE_BYTES)
      this.#activities.set(id, content)
      this.#tell(id, content)
    } catch (error) {
      // A patch that does not apply is ignored, as in the AG-UI client.
      if (!(error instanceof PatchFailure)) throw error
    }
  }

  finish(end: End): void {
    for (const key of [...this.#open.keys()]) {
      const [kind, ...name] = key.split(' ')
      this.end(kind as Kind, name.join(' '), end)
    }
  }

  #tell(id: string, content: unknown): void {
    const taskId = this.#open.get(`activity ${id}`)
    if (taskId === undefined) return
    const { progress } = (content ?? {}) as { progress?: unknown }
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    this.#run.report('task:progress', {
      taskId,
      message: text.length > MAX_MESSAGE_CHARS ? `${text.slice(0, MAX_MESSAGE_CHARS)} …` : text,
      ...(typeof progress === 'number' && progress >= 0 && progress <= 1 && { progress }),
    })
  }
}
