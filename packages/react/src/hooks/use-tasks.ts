import type { Task } from '@fleetwire/protocol'
import type { FleetStore } from '../store/fleet-store.ts'
import { type TaskQuery, taskRules } from '../store/list-index.ts'
import type { Live } from '../store/live.ts'
import { patterns } from '../store/record-kind.ts'
import { recordLookup } from '../store/record-lookup.ts'
import { useIds } from './use-list.ts'
import { type ListPage, useListPage } from './use-list-page.ts'
import { useRecord } from './use-records.ts'

/** The ids of tasks that have not ended, and of those that ended since the list was opened; the newest first. */
export function useTaskIds(query: TaskQuery = {}): Live<readonly string[]> {
  return useIds('task', patterns.tasks, query, taskRules)
}

/** The same with all that ended before, page by page. */
export function useTaskPage(query: TaskQuery = {}): ListPage {
  const { agentId, parentTaskId, status } = query
  const list = { agentId, parentTaskId: parentTaskId ?? undefined, status }
  return useListPage('task', patterns.tasks, useTaskIds(query), list, (rest, page) => rest.tasks.list(page))
}

const taskSource = (store: FleetStore, id: string) => recordLookup(store, 'task', id, patterns.task(id))

/** One task, ended or not; undefined if there is none of this id. */
export function useTask<S = Task>(
  id: string | 'skip',
  select?: (task: Task) => S,
  equal?: (a: S, b: S) => boolean,
): Live<S | undefined> {
  return useRecord(id, taskSource, select, equal)
}
