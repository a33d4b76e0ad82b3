import type { WireError } from '@fleetwire/protocol'
import { wireError } from '@fleetwire/protocol'
import type { Clock, Timer } from '../../clock.ts'
import { unknownOutcome } from '../../outcome.ts'
import type { ActiveNode, ClusterNode } from '../cluster-node.ts'

/** How long a caller waits in total for an active node, and for a response while none is known. */
const WAIT_MS = 10_000
/** Between two attempts, unless another node becomes active first. */
const RETRY_MS = 250
/**
 * How long requests in progress may still be answered by a node that was replaced, or after this one began to stop.
 * After that their outcome is unknown.
 */
const GRACE_MS = 5000
const RETRY_AFTER_MS = 1000

/** The outcome of one attempt. An attempt that rejects may have been carried out. */
export type Attempt<T> = { status: 'answered'; answer: T } | { status: 'not-done' }

export type Called<T> =
  | { status: 'answered'; answer: T }
  /** This node is now the active one. */
  | { status: 'here' }
  /** `error`: the answer to the sender. */
  | { status: 'not-done' | 'unknown'; error: WireError }

export interface ActiveCall<T> {
  /** `signal` is aborted when the answer is no longer awaited. */
  attempt(active: ActiveNode, signal: AbortSignal): Promise<Attempt<T>>
  /** Repeating it changes nothing, or nothing more: it may be retried whatever the outcome. */
  isSafe: boolean
  /** Whether it can be sent again. Default: yes. */
  canRepeat?(): boolean
  /** Aborted when its sender disconnects. Default: never. */
  gone?: AbortSignal
}

export interface ActiveCallsPorts {
  cluster: Pick<ClusterNode, 'node' | 'active' | 'whenActive' | 'onRole'>
  clock: Clock
  /** Aborted when this node is about to stop. */
  draining: AbortSignal
}

export type CallOutcome = 'answered' | 'not_done' | 'unknown'

interface InFlight {
  node: string
  end: AbortController
  /** Ends it soon: its node was replaced, or this one stops. */
  grace?: Timer | undefined
  /** Ends it unless a node becomes active first. */
  patience?: Timer | undefined
}

const notDone = wireError(
  'unavailable',
  'No node is active: another one is taking over. Nothing was accepted; try again.',
  {
    retryAfterMs: RETRY_AFTER_MS,
  },
)
const closing = wireError('unavailable', 'The server is closing. Nothing was accepted; try again.', {
  retryAfterMs: RETRY_AFTER_MS,
})
const unknown = unknownOutcome('The active node was lost before it answered', RETRY_AFTER_MS)

/**
 * Has the active node carry out a request that this node received. If none is known, it waits for one. A request that
 * changes something and may have been carried out is never retried.
 */
export class ActiveCalls {
  readonly #ports: ActiveCallsPorts
  readonly #inFlight = new Set<InFlight>()
  readonly #counts: Record<CallOutcome, number> = { answered: 0, not_done: 0, unknown: 0 }
  readonly #unlisten: () => void

  constructor(ports: ActiveCallsPorts) {
    this.#ports = ports
    const { cluster, draining } = ports
    const onDraining = () => this.#endSoon(() => true)
    draining.addEventListener('abort', onDraining, { once: true })
    const offRole = cluster.onRole(() => {
      const { active } = cluster
      if (active === undefined) this.#endUnlessHeard()
      else this.#heard(active)
    })
    this.#unlisten = () => {
      offRole()
      draining.removeEventListener('abort', onDraining)
    }
  }

  /** How often each outcome occurred. */
  stats(): Readonly<Record<CallOutcome, number>> {
    return this.#counts
  }

  stop(): void {
    this.#unlisten()
    for (const { end, grace, patience } of this.#inFlight) {
      grace?.cancel()
      patience?.cancel()
      end.abort()
    }
  }

  async call<T>(call: ActiveCall<T>): Promise<Called<T>> {
    const { cluster, clock, draining } = this.#ports
    const { gone } = call
    let leftMs = WAIT_MS
    for (;;) {
      const from = clock.monotonic()
      // A request that arrives while this node drains still goes to an active node if one is known.
      const active = cluster.active ?? (await orAborted(cluster.whenActive(leftMs), draining, gone))
      leftMs -= clock.monotonic() - from
      if (active?.node === cluster.node) return { status: 'here' }
      if (active === undefined || gone?.aborted) return this.#told('not-done')

      const askedAt = clock.monotonic()
      const outcome = await this.#try(active, call)
      if (typeof outcome === 'object') {
        this.#counts.answered++
        return outcome
      }
      if (outcome === 'unknown' && !call.isSafe) return this.#told('unknown')
      // The other node may have spent this time catching up with this one.
      if (outcome === 'not-done') leftMs -= clock.monotonic() - askedAt
      if (leftMs <= 0 || draining.aborted || call.canRepeat?.() === false) return this.#told('not-done')
      leftMs -= await this.#pause(gone)
    }
  }

  async #try<T>(active: ActiveNode, { attempt, gone }: ActiveCall<T>) {
    const end = new AbortController()
    const onGone = () => end.abort()
    gone?.addEventListener('abort', onGone, { once: true })
    const entry: InFlight = { node: active.node, end }
    this.#inFlight.add(entry)
    try {
      const outcome = await orAborted(attempt(active, end.signal), end.signal)
      if (outcome === undefined) return 'unknown'
      return outcome.status === 'answered' ? outcome : outcome.status
    } catch {
      return 'unknown'
    } finally {
      entry.grace?.cancel()
      entry.patience?.cancel()
      this.#inFlight.delete(entry)
    }
  }

  #endSoon(matches: (entry: InFlight) => boolean): void {
    for (const entry of this.#inFlight) {
      if (matches(entry)) entry.grace ??= this.#ports.clock.setTimeout(() => entry.end.abort(), GRACE_MS)
    }
  }

  /** The node may be cut off from this one: the connection to it would stay open for minutes, without a response. */
  #endUnlessHeard(): void {
    for (const entry of this.#inFlight)
      entry.patience ??= this.#ports.clock.setTimeout(() => entry.end.abort(), WAIT_MS)
  }

  #heard(active: ActiveNode): void {
    for (const entry of this.#inFlight) {
      entry.patience?.cancel()
      entry.patience = undefined
    }
    this.#endSoon(({ node }) => node !== active.node)
  }

  /** Resolves with its length, ms. */
  async #pause(gone: AbortSignal | undefined): Promise<number> {
    const { cluster, clock, draining } = this.#ports
    const from = clock.monotonic()
    let end = () => {}
    const over = new Promise<void>(resolve => {
      end = resolve
    })
    const timer = clock.setTimeout(end, RETRY_MS)
    const offRole = cluster.onRole(end)
    await orAborted(over, draining, gone)
    timer.cancel()
    offRole()
    return clock.monotonic() - from
  }

  #told(status: 'not-done' | 'unknown'): { status: 'not-done' | 'unknown'; error: WireError } {
    this.#counts[status === 'unknown' ? 'unknown' : 'not_done']++
    if (status === 'unknown') return { status, error: unknown }
    return { status, error: this.#ports.draining.aborted ? closing : notDone }
  }
}

/** Resolves with undefined if a signal is aborted first. Leaves no listeners on the signals, which live long. */
async function orAborted<T>(promise: Promise<T>, ...signals: (AbortSignal | undefined)[]): Promise<T | undefined> {
  let onAbort = () => {}
  const aborted = new Promise<undefined>(resolve => {
    onAbort = () => resolve(undefined)
  })
  for (const signal of signals) {
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort)
  }
  try {
    return await Promise.race([promise, aborted])
  } finally {
    for (const signal of signals) signal?.removeEventListener('abort', onAbort)
  }
}
