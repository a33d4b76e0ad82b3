import { useMemo } from 'react'
import { useStore } from '../provider.tsx'
import type { FleetStore } from '../store/fleet-store.ts'
import type { Live, Source } from '../store/live.ts'
import { SKIPPED, useSelected } from './use-live.ts'

/** A record by id, or a part of it. */
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
