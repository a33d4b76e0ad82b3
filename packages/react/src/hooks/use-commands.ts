import type { Command } from '@fleetwire/protocol'
import type { FleetStore } from '../store/fleet-store.ts'
import { type CommandQuery, commandRules } from '../store/list-index.ts'
import type { Live } from '../store/live.ts'
import { patterns } from '../store/record-kind.ts'
import { recordLookup } from '../store/record-lookup.ts'
import { useIds } from './use-list.ts'
import { type ListPage, useListPage } from './use-list-page.ts'
import { useRecord } from './use-records.ts'

/** The ids of commands that have not ended, or ended since the list was opened. */
export function useCommandIds(query: CommandQuery = {}): Live<readonly string[]> {
  return useIds('command', patterns.commands(query.agentId), query, commandRules)
}

/** The same, plus the commands that ended earlier, page by page. */
export function useCommandPage(query: CommandQuery = {}): ListPage {
  const { agentId, taskId, parentId, status } = query
  const ids = useCommandIds(query)
  const list = { agentId, taskId, parentId, status }
  return useListPage('command', patterns.commands(agentId), ids, list, (rest, page) => rest.commands.list(page))
}

const commandSource = (store: FleetStore, id: string) => recordLookup(store, 'command', id, patterns.command(id))

/** One command, ended or not; undefined if there is none with this id. */
export function useCommand<S = Command>(
  id: string | 'skip',
  select?: (command: Command) => S,
  equal?: (a: S, b: S) => boolean,
): Live<S | undefined> {
  return useRecord(id, commandSource, select, equal)
}
