import type { Clock, DashboardClient, DashboardEvent, SnapshotRecord, Timer } from '@fleetwire/client'
import type { WireError } from '@fleetwire/protocol'
import { clockStore } from './clock-store.ts'
import { Listeners } from './listeners.ts'
import { type Live, LOADING } from './live.ts'

/** What a feed uses of its store. */
export interface FeedPort {
  readonly client: DashboardClient
  readonly isOnline: boolean
  /** When the connection was lost, epoch ms. */
  readonly downSince: number | undefined
  /** The feed wants to be flushed with the next frame. */
  pending(feed: Feed): void
  /** Nobody has read the feed for a while. */
  over(feed: Feed): void
}

type Phase =
  | { name: 'loading' }
  | { name: 'refused'; code: WireError['code']; live: Live<never> }
  | { name: 'ready' }
  /** Events were missed: the old data stays until the new snapshot is whole. */
  | { name: 'resyncing'; since: number }

/** So that going from one screen to the next and back loads nothing again. */
const KEEP_MS = 5_000

/**
 * One pattern, subscribed once for all who read it. What the server sends is only noted; `flush` makes it visible, once
 * a frame, so that readers never see a part of a change.
 */
export abstract class Feed {
  readonly pattern: string
  protected readonly port: FeedPort
  readonly #scope: 'active' | 'all'
  readonly #changed = new Listeners()
  #phase: Phase = { name: 'loading' }
  #next: Phase | undefined
  /** Counts snapshots. */
  #round = 0
  #readers = 0
  #unsubscribe: (() => void) | undefined
  #keep: Timer | undefined

  constructor(pattern: string, scope: 'active' | 'all', port: FeedPort) {
    this.pattern = pattern
    this.#scope = scope
    this.port = port
  }

  get clock(): Clock {
    return this.port.client.clock
  }

  /** The state of one who has no data: loading or refused; undefined if there is data. */
  get without(): Live<never> | undefined {
    if (this.#phase.name === 'refused') return this.#phase.live
    return this.#phase.name === 'loading' ? LOADING : undefined
  }

  get isStale(): boolean {
    // A page that is back online before the next frame must not look up to date until then.
    return !this.port.isOnline || [this.#phase, this.#next].some(phase => phase?.name === 'resyncing')
  }

  /** Until when the data is known to be right. */
  get asOf(): number {
    if (!this.port.isOnline && this.port.downSince !== undefined) return this.port.downSince
    const at = this.#phase.name === 'resyncing' ? this.#phase.since : this.clock.now()
    return at + clockStore.aheadMs
  }

  /** Called at most once a flush, after anything has changed, `without` and `isStale` included. */
  onChange(listener: () => void): () => void {
    return this.#changed.add(listener)
  }

  /** Counts a reader. Returns a function that releases it. */
  retain(): () => void {
    this.#readers++
    this.#keep?.cancel()
    this.#unsubscribe ??= this.#subscribe()
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      if (--this.#readers === 0) this.#keep = this.clock.setTimeout(() => this.#end(), KEEP_MS)
    }
  }

  /** Ends it now if nobody reads it; false if somebody does. */
  endUnread(): boolean {
    if (this.#readers > 0) return false
    this.#keep?.cancel()
    this.#end()
    return true
  }

  /** Another pattern was let go: one that was refused for their number may have its place. */
  retry(): void {
    if (this.#phase.name !== 'refused' || this.#phase.code !== 'subscription_limit') return
    this.#unsubscribe?.()
    this.#unsubscribe = this.#subscribe()
  }

  /** Makes what is pending visible. */
  flush(): void {
    const next = this.#next
    this.#next = undefined
    if (next !== undefined) this.#phase = next
    this.apply()
    if (next !== undefined) this.staleness()
    this.#changed.tell()
  }

  /** The connection was lost or is back. */
  reachability(): void {
    this.staleness()
    this.#changed.tell()
  }

  /** Replaces all that is known; a promise is settled when that is whole. */
  protected abstract replace(records: readonly SnapshotRecord[]): void | Promise<void>
  protected abstract note(event: DashboardEvent): boolean
  protected abstract apply(): void
  /** Tells keyed listeners that `without` or `isStale` has changed. */
  protected abstract staleness(): void

  #subscribe(): () => void {
    const options = this.#scope === 'active' ? { snapshot: 'active' as const } : {}
    const handlers = {
      snapshot: ({ records }: { records: readonly SnapshotRecord[] }) => {
        const round = ++this.#round
        const whole = this.replace(records)
        if (whole === undefined) this.#become({ name: 'ready' })
        else whole.then(() => round === this.#round && this.#become({ name: 'ready' }))
      },
      event: (event: DashboardEvent) => {
        if (this.note(event)) this.port.pending(this)
      },
      resync: () => {
        if (this.without === undefined) this.#become({ name: 'resyncing', since: this.clock.now() })
      },
      error: (error: WireError) => {
        if (!error.retryable) this.#become({ name: 'refused', code: error.code, live: { status: 'error', error } })
      },
    }
    return this.port.client.subscribe(this.pattern, handlers, options)
  }

  #become(phase: Phase): void {
    this.#next = phase
    this.port.pending(this)
  }

  #end(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.port.over(this)
  }
}
