import type { WireError } from '@fleetwire/protocol'
import { FleetwireError } from '../errors.ts'
import type { DashboardEvent, SnapshotRecord, SubscribeOptions, SubscriptionHandlers } from './subscriptions.ts'

/** What a subscription delivers, in order. `resync` says why events are missing; a snapshot follows it. */
export type StreamItem =
  | { type: 'snapshot'; topics: string[]; records: SnapshotRecord[] }
  | { type: 'resync'; reason: string }
  | DashboardEvent

export interface EventStreamOptions extends SubscribeOptions {
  /** Ends the stream, as `break` does. */
  signal?: AbortSignal
  /**
   * How many items may wait for a slow reader. Beyond this they are dropped and replaced by a new snapshot, to bound
   * memory use. Default 10,000.
   */
  limit?: number
}

export interface EventStreamPort {
  subscribe(handlers: SubscriptionHandlers): () => void
  /** Calls back once the client is stopped. Returns a function that removes the callback. */
  onStopped(callback: () => void): () => void
}

type End = { how: 'over' } | { how: 'refused'; error: WireError }
type Result = IteratorResult<StreamItem, undefined>

const LIMIT = 10_000
const OVER: Result = { done: true, value: undefined }

/** A subscription to iterate over. It begins when it is created and ends with the loop. */
export class EventStream implements AsyncIterableIterator<StreamItem, undefined> {
  readonly #port: EventStreamPort
  readonly #limit: number
  readonly #signal: AbortSignal | undefined
  #items: StreamItem[] = []
  readonly #readers: { resolve(result: Result): void; reject(error: Error): void }[] = []
  #end: End | undefined
  #unsubscribe: () => void
  readonly #unwatch: () => void

  constructor(port: EventStreamPort, { signal, limit = LIMIT }: EventStreamOptions = {}) {
    this.#port = port
    this.#limit = limit
    this.#signal = signal
    this.#unsubscribe = port.subscribe(this.#handlers)
    this.#unwatch = port.onStopped(() => this.#finish({ how: 'over' }))
    signal?.addEventListener('abort', this.#abort)
    if (signal?.aborted) this.#abort()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Result> {
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve({ done: false, value: item })
    if (this.#end?.how === 'refused') {
      const { message } = this.#end.error
      this.#end = { how: 'over' }
      return Promise.reject(new FleetwireError('refused', message))
    }
    if (this.#end !== undefined) return Promise.resolve(OVER)
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  return(): Promise<Result> {
    this.#items = []
    this.#finish({ how: 'over' })
    return Promise.resolve(OVER)
  }

  readonly #handlers: SubscriptionHandlers = {
    event: event => this.#put(event),
    snapshot: snapshot => this.#put({ type: 'snapshot', ...snapshot }),
    resync: reason => this.#put({ type: 'resync', reason }),
    error: error => {
      if (!error.retryable) this.#finish({ how: 'refused', error })
    },
  }

  readonly #abort = (): void => void this.return()

  #put(item: StreamItem): void {
    const reader = this.#readers.shift()
    if (reader !== undefined) reader.resolve({ done: false, value: item })
    else if (this.#items.length < this.#limit) this.#items.push(item)
    else this.#startOver()
  }

  #startOver(): void {
    this.#items = [{ type: 'resync', reason: `more than ${this.#limit} items were waiting to be read` }]
    this.#unsubscribe()
    this.#unsubscribe = this.#port.subscribe(this.#handlers)
  }

  #finish(end: End): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#unsubscribe()
    this.#unwatch()
    this.#signal?.removeEventListener('abort', this.#abort)
    for (const { resolve, reject } of this.#readers.splice(0)) this.next().then(resolve, reject)
  }
}
