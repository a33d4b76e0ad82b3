import type { WireError } from '@fleetwire/protocol'
import { wireError } from '@fleetwire/protocol'
import type { Clock, Timer } from '../../clock.ts'
import { unknownOutcome } from '../../outcome.ts'
import type { ActiveNode, ClusterNode } from '../cluster-node.ts'

/** How long a caller waits in all for a node that decides. */
const WAIT_MS = 10_000
/** Between two tries, unless another node becomes active before. */
const RETRY_MS = 250
/**
 * A node that was replaced, or this one when it stops, may still answer what is under way. After that whoever waits is told.
 */
const GRACE_MS = 5000
const RETRY_AFTER_MS = 1000

/** What came of one try. One that rejects may have been carried out. */
export type Attempt<T> = { status: 'answered'; answer: T } | { status: 'not-done' }

export type Called<T> =
  | { status: 'answered'; answer: T }
  /** This node is the active one by now. */
  | { status: 'here' }
  /** `error`: what its sender is told. */
  | { status: 'not-done' | 'unknown'; error: WireError }

export interface ActiveCall<T> {
  /** `signal` is aborted when nothing more is to be waited for. */
  attempt(active: ActiveNode, signal: AbortSignal): Promise<Attempt<T>>
  /** The same again changes nothing, or nothing more: it may be tried again whatever came of it. */
  isSafe: boolean
  /** Whether it can be sent once more. Default: yes. */
  canRepeat?(): boolean
  /** Aborted when its sender goes. Default: never. */
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
  grace?: Timer
}

const notDone = wireError(
  'unavailable',
  'No node decides now: another one takes over. Nothing was accepted; try again.',
  {
    retryAfterMs: RETRY_AFTER_MS,
  },
)
const closing = wireError('unavailable', 'The server is closing. Nothing was accepted; try again.', {
  retryAfterMs: RETRY_AFTER_MS,
})
const unknown = unknownOutcome('The node that decides went before it answered', RETRY_AFTER_MS)

/**
 * Has the active node carry out what this node was asked. Where none is known it waits for one. Nothing is ever tried again
 * that may have been carried out and changes something.
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
      if (active !== undefined) this.#endSoon(({ node }) => node !== active.node)
    })
    this.#unlisten = () => {
      offRole()
      draining.removeEventListener('abort', onDraining)
    }
  }

  /** How often each outcome was told. */
  stats(): Readonly<Record<CallOutcome, number>> {
    return this.#counts
  }

  stop(): void {
    this.#unlisten()
    for (const { end, grace } of this.#inFlight) {
      grace?.cancel()
      end.abort()
    }
  }

  async call<T>(call: ActiveCall<T>): Promise<Called<T>> {
    const { cluster, clock, draining } = this.#ports
    const { gone } = call
    let leftMs = WAIT_MS
    for (;;) {
      const from = clock.monotonic()
      // What arrives while this node drains is still taken to an active node that is known.
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
      // It may have waited there for what this node has.
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
      this.#inFlight.delete(entry)
    }
  }

  #endSoon(matches: (entry: InFlight) => boolean): void {
    for (const entry of this.#inFlight) {
      if (matches(entry)) entry.grace ??= this.#ports.clock.setTimeout(() => entry.end.abort(), GRACE_MS)
    }
  }

  /** Resolves with how long it was, ms. */
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

/** Resolves with undefined when one of the signals is aborted before. Leaves no listener on them: they live for long. */
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
