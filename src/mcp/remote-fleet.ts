import { setMaxListeners } from 'node:events'
import { DashboardClient } from '@fleetwire/client/node'
import type { Clock } from '../clock.ts'
import { type FleetAnswer, type FleetCall, type FleetPort, NoAnswer, type Watch } from './fleet-port.ts'
import { limits } from './limits.ts'

export interface RemoteFleetOptions {
  url: string
  /** Called before each connection and call. Rejects if there is no token. */
  token(): Promise<string>
  clock: Clock
  /** Warnings for people. */
  warn(message: string): void
}

/** Per connection: the server's limit. */
const MAX_PATTERNS = 64
const RETRY_PAUSE_MS = 250
const MAX_RETRY_PAUSE_MS = 2000
/** Responses of a server that cannot accept now, and of a proxy while the server restarts. */
const passing: ReadonlySet<number> = new Set([502, 503, 504])

/**
 * A server that is reached over its REST API and `/ws`. Every call of the tools is safe to repeat (reads, commands with
 * their key, interrupts, answers), so a call without a response is retried for a while: a restart of the server goes
 * unnoticed.
 */
export class RemoteFleet implements FleetPort {
  readonly closing = new AbortController().signal
  readonly #options: RemoteFleetOptions
  /** Number of subscribed patterns per connection. */
  readonly #dashboards = new Map<DashboardClient, number>()

  constructor(options: RemoteFleetOptions) {
    this.#options = options
    // Each waiting call adds a listener.
    setMaxListeners(0, this.closing)
  }

  async call(request: FleetCall): Promise<FleetAnswer> {
    const { clock } = this.#options
    const deadline = clock.monotonic() + (request.once ? 0 : limits.retryMs)
    for (let pauseMs = RETRY_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_RETRY_PAUSE_MS)) {
      const answer = await this.#try(request)
      const isLate = clock.monotonic() + pauseMs >= deadline
      if (answer instanceof NoAnswer) {
        if (isLate) throw answer
      } else if (!passing.has(answer.status) || isLate) return answer
      await this.#pause(pauseMs, request.signal)
    }
  }

  async #try({ method, path, query = {}, body, headers, signal }: FleetCall): Promise<FleetAnswer | NoAnswer> {
    const url = new URL(`${this.#options.url.replace(/\/+$/, '')}/api/v1${path}`)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const token = await this.#options.token()
    try {
      const response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal !== undefined && { signal }),
      })
      return {
        status: response.status,
        text: await response.text(),
        header: name => response.headers.get(name) ?? undefined,
      }
    } catch (error) {
      signal?.throwIfAborted()
      const why = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message
      return new NoAnswer(
        `No Fleetwire server answers at ${this.#options.url} (${why}). Start it with: fleetwire serve`,
      )
    }
  }

  #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.setTimeout(() => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }, ms)
      const abort = () => {
        timer.cancel()
        reject(signal!.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Watches over a socket that reconnects by itself and catches up on missed events. */
  watch(topics: readonly string[], changed: () => void): Watch {
    const dashboard = this.#withRoomFor(topics.length)
    const count = (change: number) => {
      const patterns = this.#dashboards.get(dashboard)
      if (patterns !== undefined) this.#dashboards.set(dashboard, patterns + change)
    }
    let ready = () => {}
    const whenReady = new Promise<void>(resolve => {
      ready = resolve
    })
    count(topics.length)
    const unsubscribe = dashboard.subscribe(
      [...topics],
      {
        event: () => changed(),
        resync: () => changed(),
        snapshot: () => {
          ready()
          changed()
        },
        error: error => {
          this.#options.warn(`${topics.join(', ')}: ${error.message}`)
          ready()
        },
      },
      { snapshot: 'active' },
    )
    const close = () => {
      unsubscribe()
      count(-topics.length)
    }
    return { ready: whenReady, close }
  }

  #withRoomFor(patterns: number): DashboardClient {
    for (const [dashboard, taken] of this.#dashboards) {
      if (dashboard.status.value.state === 'stopped') this.#dashboards.delete(dashboard)
      else if (taken + patterns <= MAX_PATTERNS) return dashboard
    }
    const { url, token, warn } = this.#options
    const dashboard = new DashboardClient({ url, token, client: { name: 'fleetwire-mcp' } })
    let isDown = false
    dashboard.status.subscribe(status => {
      if (status.state === 'stopped' && status.cause.code !== 1000) warn(`The server refused: ${status.cause.reason}`)
      if (status.state === 'waiting' && !isDown) warn(`${url} does not answer; trying again`)
      if (status.state === 'online' && isDown) warn(`${url} answers again`)
      isDown = status.state === 'waiting' || (isDown && status.state !== 'online')
    })
    dashboard.connect()
    this.#dashboards.set(dashboard, 0)
    return dashboard
  }

  close(): void {
    for (const dashboard of this.#dashboards.keys()) dashboard.close()
  }
}
