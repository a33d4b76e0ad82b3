import type { Interaction } from '@fleetwire/protocol'
import type { FleetStore } from '../store/fleet-store.ts'
import { type InteractionQuery, interactionRules } from '../store/list-index.ts'
import type { Live } from '../store/live.ts'
import { patterns } from '../store/record-kind.ts'
import { recordLookup } from '../store/record-lookup.ts'
import { useIds } from './use-list.ts'
import { useRecord } from './use-records.ts'

/** The ids of open requests: the riskiest first, and of those the ones that wait the longest. */
export function useInteractionIds(query: InteractionQuery = {}): Live<readonly string[]> {
  return useIds('interaction', patterns.interactions(), query, interactionRules)
}

const interactionSource = (store: FleetStore, id: string) =>
  recordLookup(store, 'interaction', id, patterns.interaction(id))

/** One request, open or settled; undefined if there is none of this id. */
export function useInteraction<S = Interaction>(
  id: string | 'skip',
  select?: (interaction: Interaction) => S,
  equal?: (a: S, b: S) => boolean,
): Live<S | undefined> {
  return useRecord(id, interactionSource, select, equal)
}
