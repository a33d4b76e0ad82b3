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

/** After this many pages without a known record, catching up stops and paging continues from there. */
const PAGES_TO_CATCH_UP = 10

/** Adds the history of a list to its feed, page by page, newest first. */
export class PagedList<T> implements Source<PagedListView> {
  readonly #port: PagedListPort<T>
  readonly #listeners = new Listeners()
  readonly #ids = new Set<string>()
  #view: PagedListView = { hasMore: true, isLoading: true, error: undefined }
  #feed: RecordFeed<T> | undefined
  #cursor: string | undefined
  /** Number of the snapshot after which the newest pages were read. */
  #readAfter = 0
  #loading: Promise<void> | undefined

  constructor(port: PagedListPort<T>) {
    this.#port = port
  }

  readonly get = (): PagedListView => this.#view
  readonly subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener)

  /**
   * Retains the records, and loads the first page after their snapshot: a record that was active when its page was
   * read, but is not in a later snapshot, would stay active for ever. Returns a function that releases them.
   */
  open(): () => void {
    const feed = this.#port.feed()
    this.#feed = feed
    this.#readAfter = 0
    const readNewest = () => feed.snapshots > this.#readAfter && void this.#once(() => this.#readNewest(feed))
    const leave = [feed.retain(), feed.keep(this.#ids), feed.onUpdate(readNewest)]
    readNewest()
    return () => {
      this.#feed = undefined
      for (const one of leave) one()
    }
  }

  /** Loads the next page, after anything that a failed load has left out. Calls during a load wait for that load. */
  readonly loadMore = (): Promise<void> =>
    this.#once(async () => {
      const feed = this.#feed
      if (feed === undefined || feed.snapshots === 0) return
      if (!(await this.#readNewest(feed)) || !this.#view.hasMore) return
      await this.#advance(feed)
      await this.#readNewest(feed)
    })

  /** Records that ended while events were missed are on the newest pages but in no snapshot. False if a page failed. */
  async #readNewest(feed: RecordFeed<T>): Promise<boolean> {
    while (feed.snapshots > this.#readAfter) {
      const { snapshots } = feed
      if (!(await this.#readUntilKnown(feed))) return false
      this.#readAfter = snapshots
    }
    return true
  }

  async #readUntilKnown(feed: RecordFeed<T>): Promise<boolean> {
    const known = new Set(this.#ids)
    if (known.size === 0) return this.#advance(feed)
    let cursor: string | undefined
    for (let pages = 0; pages < PAGES_TO_CATCH_UP; pages++) {
      const page = await this.#add(feed, cursor)
      if (page === undefined) return false
      if (page.nextCursor === null || page.ids.some(id => known.has(id))) return true
      cursor = page.nextCursor
    }
    this.#cursor = cursor
    this.#set({ ...this.#view, hasMore: true })
    return true
  }

  async #advance(feed: RecordFeed<T>): Promise<boolean> {
    const page = await this.#add(feed, this.#cursor)
    if (page === undefined) return false
    this.#cursor = page.nextCursor ?? undefined
    this.#set({ ...this.#view, hasMore: page.nextCursor !== null })
    return true
  }

  /** Undefined if the page was refused or the list was closed. */
  async #add(
    feed: RecordFeed<T>,
    cursor: string | undefined,
  ): Promise<{ ids: string[]; nextCursor: string | null } | undefined> {
    let snapshots: number
    let page: RestResult<Page<T>>
    do {
      snapshots = feed.snapshots
      page = await this.#port.load(cursor)
    } while (page.ok && snapshots !== feed.snapshots)
    if (!page.ok) this.#set({ ...this.#view, error: page.error })
    if (!page.ok || feed !== this.#feed) return undefined
    const ids = page.data.items.map(record => feed.kind.idOf(record))
    for (const id of ids) this.#ids.add(id)
    await feed.add(page.data.items)
    return { ids, nextCursor: page.data.nextCursor }
  }

  #once(load: () => Promise<unknown>): Promise<void> {
    this.#loading ??= this.#load(load).finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #load(load: () => Promise<unknown>): Promise<void> {
    this.#set({ ...this.#view, isLoading: true, error: undefined })
    await load()
    this.#set({ ...this.#view, isLoading: false })
  }

  #set(view: PagedListView): void {
    this.#view = view
    this.#listeners.tell()
  }
}
