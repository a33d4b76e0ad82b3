import type { Interaction } from '@fleetwire/protocol'
import { useMemo } from 'react'
import { useStore } from '../provider.tsx'
import type { FleetStore } from '../store/fleet-store.ts'
import { type InteractionQuery, interactionRules } from '../store/list-index.ts'
import type { Live } from '../store/live.ts'
import { patterns } from '../store/record-kind.ts'
import { recordLookup } from '../store/record-lookup.ts'
import { liveSource } from '../store/sources.ts'
import { useIds } from './use-list.ts'
import { useSource } from './use-live.ts'
import { useRecord } from './use-records.ts'

/** The ids of open requests: the riskiest first, then the longest waiting. */
export function useInteractionIds(query: InteractionQuery = {}): Live<readonly string[]> {
  return useIds('interaction', patterns.interactions(), query, interactionRules)
}

const interactionSource = (store: FleetStore, id: string) =>
  recordLookup(store, 'interaction', id, patterns.interaction(id))

/** One request, open or settled; undefined if there is none with this id. */
export function useInteraction<S = Interaction>(
  id: string | 'skip',
  select?: (interaction: Interaction) => S,
  equal?: (a: S, b: S) => boolean,
): Live<S | undefined> {
  return useRecord(id, interactionSource, select, equal)
}

/** The open requests themselves, in the same order. Renders on every change of any of them, as there are few. */
export function useInteractions(query: InteractionQuery = {}): Live<readonly Interaction[]> {
  const store = useStore()
  const order = useInteractionIds(query)
  const ids = order.status === 'ready' ? order.data : undefined
  const source = useMemo(() => {
    let last: readonly Interaction[] = []
    return liveSource({
      peek: () => store.peek('interaction', patterns.interactions()),
      open: () => store.records('interaction', patterns.interactions()),
      read: feed => {
        const records = (ids ?? []).map(id => feed.get(id)).filter(record => record !== undefined)
        if (records.length !== last.length || records.some((record, i) => record !== last[i])) last = records
        return last
      },
    })
  }, [store, ids])
  return useSource(source)
}
