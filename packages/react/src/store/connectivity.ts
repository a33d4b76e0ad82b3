import type { ConnectionStatus, DashboardClient } from '@fleetwire/client'
import { clockStore } from './clock-store.ts'
import type { Source } from './live.ts'

export type ConnectionView = ConnectionStatus & {
  /** The round-trip time to the server, once known. */
  rttMs?: number
  /**
   * Since when there has been no connection (or, before the first one, since it was requested), in server time, epoch
   * ms.
   */
  downSince?: number
  /** How many missed events the reconnect replayed; absent if the state was sent again instead. */
  caughtUp?: number
  role?: string
  userId?: string
}

/** The connection as pages show it. */
export class Connectivity implements Source<ConnectionView> {
  readonly #client: DashboardClient
  #view: ConnectionView

  constructor(client: DashboardClient) {
    this.#client = client
    client.identity.subscribe(identity => identity !== undefined && clockStore.setAhead(identity.clockAheadMs))
    this.#view = this.#look()
    for (const fact of [client.status, client.rttMs, client.identity, client.caughtUp] as const) {
      fact.subscribe(() => {
        this.#view = this.#look()
      })
    }
  }

  get isOnline(): boolean {
    return this.#client.status.value.state === 'online'
  }

  get downSince(): number | undefined {
    const status = this.#client.status.value
    return 'downSince' in status && status.downSince !== undefined ? status.downSince + clockStore.aheadMs : undefined
  }

  readonly get = (): ConnectionView => this.#view

  readonly subscribe = (listener: () => void): (() => void) => {
    const leave = [
      this.#client.status.subscribe(listener),
      this.#client.rttMs.subscribe(listener),
      this.#client.identity.subscribe(listener),
      this.#client.caughtUp.subscribe(listener),
    ]
    return () => {
      for (const one of leave) one()
    }
  }

  #look(): ConnectionView {
    const rttMs = this.#client.rttMs.value
    const identity = this.#client.identity.value
    const caughtUp = this.#client.caughtUp.value
    const { downSince } = this
    return {
      ...this.#client.status.value,
      ...(downSince !== undefined && { downSince }),
      ...(rttMs !== undefined && { rttMs }),
      ...(caughtUp !== undefined && { caughtUp }),
      ...(identity !== undefined && { role: identity.role, userId: identity.userId }),
    }
  }
}
