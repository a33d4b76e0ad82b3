import type { Feed } from './feed.ts'
import { type Live, LOADING, type Source } from './live.ts'

export interface LiveRead<F extends Feed, T> {
  /** The feed, if it exists. */
  peek(): F | undefined
  /** The feed, created if necessary; to be retained. */
  open(): F
  read(feed: F): T
  /** Subscribes to the changes that affect the value. Default: every change of the feed. */
  watch?(feed: F, listener: () => void): () => void
}

/** Reads a value from a feed as a `Live`, which is the same object until the value or its staleness changes. */
export function liveSource<F extends Feed, T>({ peek, open, read, watch }: LiveRead<F, T>): Source<Live<T>> {
  let last: Extract<Live<T>, { status: 'ready' }> | undefined
  return {
    subscribe(listener) {
      const feed = open()
      const release = feed.retain()
      const leave = watch === undefined ? feed.onChange(listener) : watch(feed, listener)
      return () => {
        leave()
        release()
      }
    },
    get() {
      const feed = peek()
      if (feed === undefined) return LOADING
      if (feed.without !== undefined) return feed.without
      const data = read(feed)
      const stale = feed.isStale
      if (last === undefined || last.data !== data || last.stale !== stale) {
        last = { status: 'ready', data, stale, asOf: feed.asOf }
      }
      return last
    },
  }
}
