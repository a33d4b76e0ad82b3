import type { FleetStore } from './fleet-store.ts'
import type { Live, Source } from './live.ts'
import type { RecordFeed } from './record-feed.ts'
import type { RecordKindName, Records } from './record-kind.ts'
import { liveSource } from './sources.ts'

/** One record from the feed of `pattern`; undefined if the feed has none with this id. */
export function recordSource<K extends RecordKindName>(
  store: FleetStore,
  kind: K,
  pattern: string,
  id: string,
): Source<Live<Records[K] | undefined>> {
  return liveSource<RecordFeed<Records[K]>, Records[K] | undefined>({
    peek: () => store.peek(kind, pattern),
    open: () => store.records(kind, pattern),
    read: feed => feed.get(id),
    watch: (feed, listener) => feed.onRecord(id, listener),
  })
}

/**
 * One record of a kind whose lists omit settled records: read from a list that has it, otherwise through its own
 * pattern. Thus a thousand rows need no patterns of their own, and a link to an old record works.
 */
export function recordLookup<K extends RecordKindName>(
  store: FleetStore,
  kind: K,
  id: string,
  own: string,
): Source<Live<Records[K] | undefined>> {
  const place = () => store.holding(kind, id)?.pattern ?? own
  const sourceOf = (pattern: string) => ({ pattern, source: recordSource(store, kind, pattern, id) })
  let at = sourceOf(place())
  let last: Live<Records[K] | undefined> | undefined

  function get(): Live<Records[K] | undefined> {
    const live = at.source.get()
    if (live.status === 'ready' && live.data !== undefined) last = live
    // Keep the last value while moving from one feed to another.
    if (live.status !== 'loading' || last?.status !== 'ready') return live
    if (!last.stale) last = { ...last, stale: true }
    return last
  }

  return {
    get,
    subscribe(listener) {
      let leave = () => {}
      const move = (pattern: string) => {
        const before = leave
        if (pattern !== at.pattern) at = sourceOf(pattern)
        leave = at.source.subscribe(changed)
        before()
      }
      const changed = () => {
        const live = at.source.get()
        // The record ended while events were missed, so a snapshot of active records no longer has it.
        if (at.pattern !== own && live.status === 'ready' && live.data === undefined) move(own)
        listener()
      }
      move(place())
      return () => leave()
    },
  }
}
