import type { ClientPayloads, Reply, WireError } from '@fleetwire/protocol'
import type { Clock, Timer } from '../clock.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface SubscribeRequestsOptions {
  clock: Clock
  subscriptions: Subscriptions
  send(payload: ClientPayloads['subscribe'], id: string): void
  /** No subscription needs these topics any more. */
  letGo(topics: string[]): void
}

const RETRY_MS = 1_000
const NOT_ALLOWED: WireError = { code: 'forbidden', message: 'The token may not read this pattern.', retryable: false }

/** The `subscribe` frames of one socket and their replies. They end with the socket: a new one asks again. */
export class SubscribeRequests {
  readonly #options: SubscribeRequestsOptions
  readonly #unanswered = new Map<string, string[]>()
  #count = 0
  #retry: Timer | undefined

  constructor(options: SubscribeRequestsOptions) {
    this.#options = options
  }

  /** Subscribes to every pattern that waits for its snapshot. */
  ask(): void {
    const { all, active, none } = this.#options.subscriptions.ask()
    this.#ask({ topics: all })
    this.#ask({ topics: active, snapshot: 'active' })
    this.#ask({ topics: none, snapshot: false })
  }

  /** False if `id` belongs to none of these requests. */
  reply(id: string, reply: Reply): boolean {
    const topics = this.#unanswered.get(id)
    if (topics === undefined) return false
    this.#unanswered.delete(id)
    if (!reply.ok) {
      this.#refused(topics, reply.error)
      return true
    }
    const { subscriptions, letGo } = this.#options
    if ('topics' in reply) subscriptions.refused(without(topics, reply.topics), NOT_ALLOWED)
    letGo(subscriptions.subscribed(topics))
    // Another subscription may need a snapshot of a pattern that was requested without one.
    this.ask()
    return true
  }

  /** If only some patterns are refused, an `error` without an id names them, before the reply for the others. */
  refusedSome(error: WireError): boolean {
    // An older server names one topic per error.
    const { topic, topics = [topic] } = (error.details ?? {}) as { topic?: unknown; topics?: unknown }
    if (!Array.isArray(topics)) return false
    const named = topics.filter(name => typeof name === 'string')
    return named.length > 0 && this.#options.subscriptions.refused(named, error)
  }

  /** The socket is gone. */
  reset(): void {
    this.#unanswered.clear()
    this.#retry?.cancel()
  }

  #ask(payload: ClientPayloads['subscribe']): void {
    if (payload.topics.length === 0) return
    const id = `s${++this.#count}`
    this.#unanswered.set(id, payload.topics)
    this.#options.send(payload, id)
  }

  #refused(topics: string[], error: WireError): void {
    this.#options.subscriptions.refused(topics, error)
    if (!error.retryable) return
    this.#retry?.cancel()
    this.#retry = this.#options.clock.setTimeout(() => this.ask(), RETRY_MS)
  }
}

const without = (names: string[], allowed: unknown): string[] =>
  Array.isArray(allowed) ? names.filter(name => !allowed.includes(name)) : []
