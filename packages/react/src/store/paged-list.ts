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

/** After so many missed pages the list begins anew. */
const PAGES_TO_CATCH_UP = 10

/** Adds the history of a list to its feed, page by page, from the newest on. */
export class PagedList<T> implements Source<PagedListView> {
  readonly #port: PagedListPort<T>
  readonly #listeners = new Listeners()
  readonly #ids = new Set<string>()
  #view: PagedListView = { hasMore: true, isLoading: true, error: undefined }
  #feed: RecordFeed<T> | undefined
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
    this.#feed = feed
    const leave = [feed.retain(), feed.keep(this.#ids), this.#watch(feed)]
    if (this.#cursor === undefined) void this.loadMore()
    return () => {
      this.#feed = undefined
      for (const one of leave) one()
    }
  }

  /** The next page. Calls while something loads wait for that. */
  readonly loadMore = (): Promise<void> =>
    this.#once(async () => {
      if (!this.#view.hasMore) return
      const page = await this.#add(this.#cursor)
      if (page === undefined) return
      this.#cursor = page.nextCursor ?? undefined
      this.#set({ ...this.#view, hasMore: page.nextCursor !== null })
    })

  /** A new snapshot leaves out what ended while events were missed: that is on the first pages. */
  #watch(feed: RecordFeed<T>): () => void {
    let { snapshots } = feed
    return feed.onUpdate(() => {
      const isFirst = snapshots === 0
      if (feed.snapshots === snapshots) return
      snapshots = feed.snapshots
      if (!isFirst) void this.#once(() => this.#catchUp())
    })
  }

  async #catchUp(): Promise<void> {
    const known = new Set(this.#ids)
    let cursor: string | undefined
    for (let pages = 0; pages < PAGES_TO_CATCH_UP; pages++) {
      const page = await this.#add(cursor)
      if (page === undefined || page.nextCursor === null || page.ids.some(id => known.has(id))) return
      cursor = page.nextCursor
    }
    this.#cursor = cursor
  }

  /** Undefined if the page was refused or nobody wants it any more. */
  async #add(cursor: string | undefined): Promise<{ ids: string[]; nextCursor: string | null } | undefined> {
    const page = await this.#port.load(cursor)
    const feed = this.#feed
    if (!page.ok) this.#set({ ...this.#view, error: page.error })
    if (!page.ok || feed === undefined) return undefined
    const ids = page.data.items.map(record => feed.kind.idOf(record))
    for (const id of ids) this.#ids.add(id)
    await feed.add(page.data.items)
    return { ids, nextCursor: page.data.nextCursor }
  }

  #once(load: () => Promise<void>): Promise<void> {
    this.#loading ??= this.#load(load).finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #load(load: () => Promise<void>): Promise<void> {
    this.#set({ ...this.#view, isLoading: true, error: undefined })
    await load()
    this.#set({ ...this.#view, isLoading: false })
  }

  #set(view: PagedListView): void {
    this.#view = view
    this.#listeners.tell()
  }
}
