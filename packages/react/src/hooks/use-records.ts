import { useMemo } from 'react'
import { useStore } from '../provider.tsx'
import type { FleetStore } from '../store/fleet-store.ts'
import type { Live, Source } from '../store/live.ts'
import type { RecordKindName, Records } from '../store/record-kind.ts'
import { liveSource } from '../store/sources.ts'
import { SKIPPED, useSelected } from './use-live.ts'

/** One record out of the feed of `pattern`; undefined if there is none. */
export function recordSource<K extends RecordKindName>(store: FleetStore, kind: K, pattern: string, id: string) {
  return liveSource({
    peek: () => store.peek(kind, pattern),
    open: () => store.records(kind, pattern),
    read: feed => feed.get(id),
    watch: (feed, listener) => feed.onRecord(id, listener),
  })
}

/** A record of a kind whose broad feed leaves out what is settled: then it comes by a pattern of its own. */
export function anyRecordSource<K extends RecordKindName>(
  store: FleetStore,
  kind: K,
  id: string,
  own: string,
): Source<Live<Records[K] | undefined>> {
  const ofOwn = recordSource(store, kind, own, id)
  let pattern = store.holding(kind, id)?.pattern ?? own
  let source = pattern === own ? ofOwn : recordSource(store, kind, pattern, id)
  return {
    subscribe(listener) {
      const held = store.holding(kind, id)?.pattern ?? own
      if (held !== pattern) {
        pattern = held
        source = recordSource(store, kind, pattern, id)
      }
      return source.subscribe(listener)
    },
    get: () => source.get(),
  }
}

export function useRecord<T, S>(
  id: string | 'skip',
  source: (store: FleetStore, id: string) => Source<Live<T | undefined>>,
  select?: (record: T) => S,
  equal?: (a: S, b: S) => boolean,
): Live<S | undefined> {
  const store = useStore()
  // biome-ignore lint/correctness/useExhaustiveDependencies: how the source is made never changes
  const live = useMemo(() => (id === 'skip' ? SKIPPED : source(store, id)), [store, id])
  const selected = select && ((record: T | undefined) => (record === undefined ? undefined : select(record)))
  return useSelected(live as Source<Live<T | undefined>>, selected, maybe(equal))
}

const maybe = <S>(equal: ((a: S, b: S) => boolean) | undefined) =>
  equal && ((a: S | undefined, b: S | undefined) => a === b || (a !== undefined && b !== undefined && equal(a, b)))
