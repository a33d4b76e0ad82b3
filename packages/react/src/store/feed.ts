import type { Clock, DashboardClient, DashboardEvent, SnapshotRecord, Timer } from '@fleetwire/client'
import type { WireError } from '@fleetwire/protocol'
import { clockStore } from './clock-store.ts'
import { Listeners } from './listeners.ts'
import { type Live, LOADING } from './live.ts'

/** The part of the store that a feed uses. */
export interface FeedPort {
  readonly client: DashboardClient
  readonly isOnline: boolean
  /** When the connection was lost, epoch ms. */
  readonly downSince: number | undefined
  /** The feed needs a flush in the next animation frame. */
  pending(feed: Feed): void
  /** The feed has had no readers for a while. */
  over(feed: Feed): void
}

type Phase =
  | { name: 'loading' }
  | { name: 'refused'; code: WireError['code']; live: Live<never> }
  | { name: 'ready' }
  /** Events were missed: the old data stays until the new snapshot is complete. */
  | { name: 'resyncing'; since: number }

/** Keeps unread feeds, so that leaving a screen and returning loads nothing again. */
const KEEP_MS = 5_000

/**
 * One pattern, subscribed once for all its readers. Incoming data is only queued; `flush` makes it visible, once per
 * animation frame, so that readers never see part of a change.
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

  /** The state without data: loading or refused; undefined if there is data. */
  get without(): Live<never> | undefined {
    if (this.#phase.name === 'refused') return this.#phase.live
    return this.#phase.name === 'loading' ? LOADING : undefined
  }

  get isStale(): boolean {
    // A page that reconnects must not look up to date before the next flush.
    return !this.port.isOnline || [this.#phase, this.#next].some(phase => phase?.name === 'resyncing')
  }

  /** The time up to which the data is known to be correct. */
  get asOf(): number {
    if (!this.port.isOnline && this.port.downSince !== undefined) return this.port.downSince
    const at = this.#phase.name === 'resyncing' ? this.#phase.since : this.clock.now()
    return at + clockStore.aheadMs
  }

  /** Called at most once per flush, after any change, including changes of `without` and `isStale`. */
  onChange(listener: () => void): () => void {
    return this.#changed.add(listener)
  }

  /** Registers a reader. Returns a function that releases it. */
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

  /** Ends the feed now if it has no readers; false if it has. */
  endUnread(): boolean {
    if (this.#readers > 0) return false
    this.#keep?.cancel()
    this.#end()
    return true
  }

  /** Another pattern was released, so a pattern refused for their number may fit now. */
  retry(): void {
    if (this.#phase.name !== 'refused' || this.#phase.code !== 'subscription_limit') return
    this.#unsubscribe?.()
    this.#unsubscribe = this.#subscribe()
  }

  /** Makes pending changes visible. */
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

  /** Replaces all data. A returned promise resolves when the new data is complete. */
  protected abstract replace(records: readonly SnapshotRecord[]): void | Promise<void>
  protected abstract note(event: DashboardEvent): boolean
  protected abstract apply(): void
  /** Notifies keyed listeners that `without` or `isStale` has changed. */
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
