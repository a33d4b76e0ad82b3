import type { Task } from '@fleetwire/protocol'
import type { IndexRules } from './index-view.ts'
import { type TaskQuery, taskRules } from './list-index.ts'

export interface TaskRow {
  readonly taskId: string
  /** 0 for a task without a parent in this list. */
  readonly depth: number
}

interface Place {
  readonly parentId: string | undefined
  readonly createdAt: number
}

/** Tasks with their subtasks below them: tasks newest first, subtasks oldest first. */
export function taskTreeRules(query: TaskQuery): IndexRules<Task, Place, readonly TaskRow[]> {
  const { place } = taskRules(query)
  return {
    place: task => (place(task) === undefined ? undefined : { parentId: task.parentTaskId, createdAt: task.createdAt }),
    isSame: (a, b) => a === b || (a?.parentId === b?.parentId && a?.createdAt === b?.createdAt),
    result: rowsOf,
    equal: (a, b) =>
      a.length === b.length && a.every((row, i) => row.taskId === b[i]!.taskId && row.depth === b[i]!.depth),
  }
}

/** A subtask whose parent is not shown is a root; so is one of tasks that contain each other. */
function rowsOf(places: ReadonlyMap<string, Place>): readonly TaskRow[] {
  const parts = new Map<string, string[]>()
  const roots: string[] = []
  for (const [id, { parentId }] of places) {
    if (parentId === undefined || !places.has(parentId)) roots.push(id)
    else parts.set(parentId, [...(parts.get(parentId) ?? []), id])
  }
  const byAge = (a: string, b: string) => places.get(a)!.createdAt - places.get(b)!.createdAt || (a < b ? -1 : 1)
  const rows: TaskRow[] = []
  const seen = new Set<string>()
  const add = (taskId: string, depth: number) => {
    if (seen.has(taskId)) return
    seen.add(taskId)
    rows.push({ taskId, depth })
    for (const part of parts.get(taskId)?.sort(byAge) ?? []) add(part, depth + 1)
  }
  for (const id of roots.sort((a, b) => byAge(b, a))) add(id, 0)
  for (const id of places.keys()) add(id, 0)
  return rows
}
