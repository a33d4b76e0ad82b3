import type { LocalError } from '@fleetwire/client'
import type { WireError } from '@fleetwire/protocol'
import type { RestResult } from '../rest/request.ts'
import type { Page } from '../rest/rest.ts'
import { Listeners } from './listeners.ts'
import type { Source } from './live.ts'
import type { RecordFeed } from './record-feed.ts'

export interface PagedListPort<T> {
  feed(): RecordFeed<T>
  load(cursor: string | undefined): Promise<RestResult<Page<T>>>
}

export interface PagedListView {
  readonly hasMore: boolean
  readonly isLoading: boolean
  readonly error: WireError | LocalError | undefined
}

/** Adds the history of a list to its feed, page by page, from the newest on. */
export class PagedList<T> implements Source<PagedListView> {
  readonly #port: PagedListPort<T>
  readonly #listeners = new Listeners()
  readonly #ids = new Set<string>()
  #view: PagedListView = { hasMore: true, isLoading: false, error: undefined }
  #cursor: string | undefined
  #loading: Promise<void> | undefined

  constructor(port: PagedListPort<T>) {
    this.#port = port
  }

  readonly get = (): PagedListView => this.#view
  readonly subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener)

  /** Holds the records, and loads the first page. Returns a function that lets them go. */
  open(): () => void {
    const feed = this.#port.feed()
    const leave = [feed.retain(), feed.keep(this.#ids), this.#watch(feed)]
    if (this.#cursor === undefined && this.#view.hasMore) void this.loadMore()
    return () => {
      for (const one of leave) one()
    }
  }

  /** The next page. Calls while one is loading are one call. */
  readonly loadMore = (): Promise<void> => {
    if (!this.#view.hasMore) return Promise.resolve()
    this.#loading ??= this.#load(this.#cursor, true).finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** A new snapshot leaves out what ended while events were missed: the first page shows it. */
  #watch(feed: RecordFeed<T>): () => void {
    let { snapshots } = feed
    return feed.onUpdate(() => {
      const isFirst = snapshots === 0
      if (feed.snapshots === snapshots) return
      snapshots = feed.snapshots
      if (!isFirst) void this.#load(undefined, false)
    })
  }

  async #load(cursor: string | undefined, isNext: boolean): Promise<void> {
    this.#set({ ...this.#view, isLoading: true, error: undefined })
    const page = await this.#port.load(cursor)
    if (!page.ok) return this.#set({ ...this.#view, isLoading: false, error: page.error })
    const { items, nextCursor } = page.data
    const feed = this.#port.feed()
    for (const record of items) this.#ids.add(feed.kind.idOf(record))
    feed.add(items)
    if (isNext) this.#cursor = nextCursor ?? undefined
    this.#set({ hasMore: isNext ? nextCursor !== null : this.#view.hasMore, isLoading: false, error: undefined })
  }

  #set(view: PagedListView): void {
    this.#view = view
    this.#listeners.tell()
  }
}
