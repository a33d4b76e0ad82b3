import { setMaxListeners } from 'node:events'
import { DashboardClient } from '@fleetwire/client/node'
import type { Clock } from '../clock.ts'
import { type FleetAnswer, type FleetCall, type FleetPort, NoAnswer, type Watch } from './fleet-port.ts'
import { limits } from './limits.ts'

export interface RemoteFleetOptions {
  url: string
  /** Asked before each connection and call. Rejects if there is none. */
  token(): Promise<string>
  clock: Clock
  /** For people. */
  warn(message: string): void
}

/** Of one connection, by the server’s limit. */
const MAX_PATTERNS = 64
const RETRY_PAUSE_MS = 250
const MAX_RETRY_PAUSE_MS = 2000
/** What the server answers while it cannot accept, and a proxy while the server restarts. */
const passing: ReadonlySet<number> = new Set([502, 503, 504])

/**
 * A server that is reached over its REST interface and `/ws`. Every call of the tools may be made twice (reads, commands
 * with their key, interrupts, answers), so one that got no answer is made again for a while: a server that restarts
 * meanwhile is not noticed.
 */
export class RemoteFleet implements FleetPort {
  readonly closing = new AbortController().signal
  readonly #options: RemoteFleetOptions
  /** With how many patterns each is subscribed to. */
  readonly #dashboards = new Map<DashboardClient, number>()

  constructor(options: RemoteFleetOptions) {
    this.#options = options
    // Each call that waits listens.
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
        `No Fleetwire server answers at ${this.#options.url} (${why}). It is started with: fleetwire serve`,
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

  /** Over a socket that comes back by itself and brings what was missed. */
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
