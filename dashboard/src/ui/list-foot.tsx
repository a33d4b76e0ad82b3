import type { ListPage } from '@fleetwire/react'
import { Button } from './button.tsx'

/** The status line below a paged list. */
export function ListFoot({
  isLoading,
  error,
  loadMore,
  hasMore,
}: Pick<ListPage, 'isLoading' | 'error' | 'loadMore' | 'hasMore'>) {
  if (error !== undefined) {
    return (
      <div role="alert" className="flex items-center justify-center gap-3 p-4 text-text2">
        {error.message}
        <Button onClick={() => void loadMore()}>Retry</Button>
      </div>
    )
  }
  if (isLoading) return <p className="p-4 text-center text-meta text-text3">Loading…</p>
  return hasMore ? null : <p className="p-4 text-center text-meta text-text3">End of the list.</p>
}
