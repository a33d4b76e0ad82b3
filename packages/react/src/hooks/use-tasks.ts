import type { Task } from '@fleetwire/protocol'
import { useMemo } from 'react'
import { useStore } from '../provider.tsx'
import type { FleetStore } from '../store/fleet-store.ts'
import { indexSource } from '../store/index-source.ts'
import { type TaskQuery, taskRules } from '../store/list-index.ts'
import type { Live } from '../store/live.ts'
import { patterns } from '../store/record-kind.ts'
import { recordLookup } from '../store/record-lookup.ts'
import { type TaskRow, taskTreeRules } from '../store/task-tree.ts'
import { useIds } from './use-list.ts'
import { type ListPage, useListPage } from './use-list-page.ts'
import { useSource } from './use-live.ts'
import { useRecord } from './use-records.ts'

/** The ids of tasks that have not ended, or ended since the list was opened, newest first. */
export function useTaskIds(query: TaskQuery = {}): Live<readonly string[]> {
  return useIds('task', patterns.tasks, query, taskRules)
}

/** The same, plus the tasks that ended earlier, page by page. */
export function useTaskPage(query: TaskQuery = {}): ListPage {
  const { agentId, parentTaskId, status } = query
  const list = { agentId, parentTaskId: parentTaskId ?? undefined, status }
  return useListPage('task', patterns.tasks, useTaskIds(query), list, (rest, page) => rest.tasks.list(page))
}

export type TaskTree = Omit<ListPage, 'ids'> & {
  readonly rows: Live<readonly TaskRow[]>
}

/** The matching tasks, each with its subtasks below it. */
export function useTaskTree(query: TaskQuery = {}): TaskTree {
  const store = useStore()
  const { ids: _, ...page } = useTaskPage(query)
  const key = JSON.stringify(query)
  const source = useMemo(
    () => indexSource(store, 'task', patterns.tasks, taskTreeRules(JSON.parse(key) as TaskQuery)),
    [store, key],
  )
  return { ...page, rows: useSource(source) }
}

const taskSource = (store: FleetStore, id: string) => recordLookup(store, 'task', id, patterns.task(id))

/** One task, ended or not; undefined if there is none with this id. */
export function useTask<S = Task>(
  id: string | 'skip',
  select?: (task: Task) => S,
  equal?: (a: S, b: S) => boolean,
): Live<S | undefined> {
  return useRecord(id, taskSource, select, equal)
}
