import { OutboundEvent } from '../frames/frame-encoder.ts'
import { encodeCursor } from '../log/cursor.ts'
import type { EventLog, ReadResult } from '../log/event-log.ts'
import { type ReplayPage, ReplaySlice } from './replay-page.ts'
import { seqOf } from './seq-of.ts'

const PAGE_EVENTS = 500
/** Pages end at multiples of this, so that readers that began at different places converge on the same pages. */
const ALIGN = 256
/** The same at the end of the log; each reader reads what follows the last multiple for itself. */
const ALIGN_AT_END = 32
/** How much is sent before waiting for the reader. */
const SLICE_BYTES = 128 * 1024
/** How many bytes of pages are kept for further readers while there are any. */
const KEPT_BYTES = 32 * 1024 * 1024

type Gone = Extract<ReadResult, { status: 'gone' }>
type Key = string

/**
 * Pages of the log for subscribers that catch up. After a restart, a thousand clients read the same pages at the same
 * time: each page is then read from the store once.
 */
export class ReplayPages {
  readonly #log: Pick<EventLog, 'epoch' | 'head' | 'read'>
  readonly #pages = new Map<Key, Promise<ReplayPage | Gone>>()
  readonly #sizes = new Map<Key, number>()
  /** Pages that end at the end of the log, `#endsAt`; outdated as soon as the log grows. */
  readonly #ends = new Map<Key, ReplayPage>()
  #endsAt = ''
  #kept = 0
  #readers = 0

  constructor(log: Pick<EventLog, 'epoch' | 'head' | 'read'>) {
    this.#log = log
  }

  /** Pages are kept for as long as any subscriber catches up. */
  async during<T>(reading: () => Promise<T>): Promise<T> {
    this.#readers++
    try {
      return await reading()
    } finally {
      if (--this.#readers === 0) this.#clear()
    }
  }

  /**
   * The page after a cursor. It may be shared with an earlier call, so the end that it reports can be older than this
   * call.
   */
  read(topics: readonly string[], after: string): Promise<ReplayPage | Gone> {
    const key = `${after} ${[...topics].sort().join(' ')}`
    if (this.#endsAt !== this.#log.head) this.#ends.clear()
    this.#endsAt = this.#log.head
    const known = this.#pages.get(key) ?? this.#ends.get(key)
    if (known !== undefined) return Promise.resolve(known)
    const page = this.#load(topics, after)
    this.#pages.set(key, page)
    page.then(
      read => this.#keep(key, read),
      () => this.#pages.delete(key),
    )
    return page
  }

  async #load(topics: readonly string[], after: string): Promise<ReplayPage | Gone> {
    const page = await this.#log.read({ topics, after, limit: PAGE_EVENTS })
    if (page.status === 'gone') return page
    const last = page.events.at(-1)?.seq ?? 0
    const end = last - (last % (page.done ? ALIGN_AT_END : ALIGN))
    const isCut = end > seqOf(after) && (page.done || end < last)
    const events = isCut ? page.events.filter(event => event.seq <= end) : page.events
    const slices: ReplaySlice[] = []
    let bytes = 0
    for (let at = 0; at < events.length; ) {
      const slice: OutboundEvent[] = []
      for (let size = 0; at < events.length && size < SLICE_BYTES; at++) {
        slice.push(new OutboundEvent(events[at]!))
        size += events[at]!.json.length
        bytes += events[at]!.json.length
      }
      slices.push(new ReplaySlice(slice))
    }
    return {
      status: 'ok',
      slices,
      bytes,
      flawed: page.flawed ?? [],
      next: isCut ? encodeCursor(this.#log.epoch, end) : page.next,
      done: page.done && !isCut,
    }
  }

  #keep(key: Key, page: ReplayPage | Gone): void {
    if (page.status === 'gone' || page.done || this.#readers === 0) {
      this.#pages.delete(key)
      if (page.status === 'ok' && this.#readers > 0 && page.next === this.#endsAt) this.#ends.set(key, page)
      return
    }
    this.#sizes.set(key, page.bytes)
    this.#kept += page.bytes
    for (const [oldest, bytes] of this.#sizes) {
      if (this.#kept <= KEPT_BYTES) break
      this.#pages.delete(oldest)
      this.#sizes.delete(oldest)
      this.#kept -= bytes
    }
  }

  #clear(): void {
    this.#pages.clear()
    this.#ends.clear()
    this.#sizes.clear()
    this.#kept = 0
  }
}
