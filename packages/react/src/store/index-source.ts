import type { FleetStore } from './fleet-store.ts'
import { type IndexRules, IndexView } from './index-view.ts'
import type { Live, Source } from './live.ts'
import type { RecordFeed } from './record-feed.ts'
import type { RecordKindName, Records } from './record-kind.ts'
import { liveSource } from './sources.ts'

/** A result computed from the records of a pattern, such as their order. */
export function indexSource<K extends RecordKindName, P, R>(
  store: FleetStore,
  kind: K,
  pattern: string,
  rules: IndexRules<Records[K], P, R>,
): Source<Live<R>> {
  let view: IndexView<Records[K], P, R> | undefined
  let last: { records: ReadonlyMap<string, Records[K]>; result: R } | undefined
  return liveSource({
    peek: () => store.peek(kind, pattern),
    open: () => store.records(kind, pattern),
    read(feed) {
      if (view !== undefined) last = { records: feed.records, result: view.result }
      // The first render happens before the feed is watched.
      else if (last?.records !== feed.records) last = { records: feed.records, result: once(feed, rules) }
      return last!.result
    },
    watch(feed, listener) {
      const own = new IndexView(feed, rules, last?.result)
      view = own
      const leave = [own.onChange(listener), feed.onChange(listener)]
      return () => {
        for (const one of leave) one()
        own.close()
        if (view === own) view = undefined
      }
    },
  })
}

function once<T, P, R>(feed: RecordFeed<T>, rules: IndexRules<T, P, R>): R {
  const view = new IndexView(feed, rules)
  view.close()
  return view.result
}
