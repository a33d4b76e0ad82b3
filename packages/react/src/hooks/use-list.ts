import { useMemo } from 'react'
import { useStore } from '../provider.tsx'
import { indexSource } from '../store/index-source.ts'
import type { IndexRules } from '../store/index-view.ts'
import type { Live } from '../store/live.ts'
import type { RecordKindName, Records } from '../store/record-kind.ts'
import { useSource } from './use-live.ts'

/** The ids of the matching live records, in the order of the rules. Queries are compared by value. */
export function useIds<K extends RecordKindName, Q extends object, P>(
  kind: K,
  pattern: string,
  query: Q,
  rules: (query: Q) => IndexRules<Records[K], P, readonly string[]>,
): Live<readonly string[]> {
  const store = useStore()
  const key = JSON.stringify(query)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the kind and its rules never change
  const source = useMemo(() => indexSource(store, kind, pattern, rules(JSON.parse(key) as Q)), [store, pattern, key])
  return useSource(source)
}
