import type { Sink, Subscriber } from '../broadcast/subscriber.ts'
import type { FleetAnswer, FleetCall, FleetPort, Watch } from './fleet-port.ts'

export interface LocalFleetOptions {
  /** Calls a route of this server with the rights of the token. */
  ask(call: FleetCall): Promise<FleetAnswer>
  /** A subscriber with the rights of the token. */
  attach(sink: Sink): Pick<Subscriber, 'subscribe' | 'close'>
  closing: AbortSignal
}

/** The server in this process, with the rights of one token. */
export class LocalFleet implements FleetPort {
  readonly closing: AbortSignal
  readonly #options: LocalFleetOptions

  constructor(options: LocalFleetOptions) {
    this.closing = options.closing
    this.#options = options
  }

  call(request: FleetCall): Promise<FleetAnswer> {
    return this.#options.ask(request)
  }

  watch(topics: readonly string[], changed: () => void): Watch {
    let isOpen = true
    const subscriber = this.#options.attach({
      get isOpen() {
        return isOpen
      },
      deliver: changed,
      replay: changed,
      send: changed,
      drained: () => Promise.resolve(),
    })
    return {
      ready: subscriber.subscribe(topics, false),
      close: () => {
        isOpen = false
        subscriber.close()
      },
    }
  }
}
