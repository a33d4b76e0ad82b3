import type { LocalError } from '@fleetwire/client'
import type { WireError } from '@fleetwire/protocol'
import { useEffect, useMemo } from 'react'
import { useStore } from '../provider.tsx'
import type { RestResult } from '../rest/request.ts'
import type { Page, Rest } from '../rest/rest.ts'
import type { Live } from '../store/live.ts'
import { PagedList } from '../store/paged-list.ts'
import type { RecordKindName, Records } from '../store/record-kind.ts'
import { useSource } from './use-live.ts'

export interface ListPage {
  /** Live records and those of the loaded pages, in one order. */
  readonly ids: Live<readonly string[]>
  readonly hasMore: boolean
  readonly isLoading: boolean
  /** The error of the last page; `loadMore` tries again. */
  readonly error: WireError | LocalError | undefined
  loadMore(): Promise<void>
}

export function useListPage<K extends RecordKindName, Q extends object>(
  kind: K,
  pattern: string,
  ids: Live<readonly string[]>,
  query: Q,
  load: (rest: Rest, page: Q & { limit: number; cursor?: string }) => Promise<RestResult<Page<Records[K]>>>,
): ListPage {
  const store = useStore()
  const key = JSON.stringify(query)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the kind and how it is loaded never change
  const list = useMemo(() => {
    const own = JSON.parse(key) as Q
    return new PagedList<Records[K]>({
      feed: () => store.records(kind, pattern),
      load: cursor => load(store.rest, { ...own, limit: 100, ...(cursor !== undefined && { cursor }) }),
    })
  }, [store, pattern, key])
  useEffect(() => list.open(), [list])
  const { hasMore, isLoading, error } = useSource(list)
  return { ids, hasMore, isLoading, error, loadMore: list.loadMore }
}
