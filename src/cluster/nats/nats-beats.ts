import type { NatsConnection } from '@nats-io/transport-node'
import type { Beat, Beats } from '../beats.ts'

/** Beats on core NATS: sent to all listeners, and never stored. */
export class NatsBeats implements Beats {
  readonly #connection: NatsConnection
  readonly #subject: string
  #isUp = true

  constructor(connection: NatsConnection, namespace: string) {
    this.#connection = connection
    this.#subject = `ctl.fw.${namespace}.beat`
    void this.#watch()
  }

  send(beat: Beat): void {
    // Without a connection the library would queue the beat, and send it when it is out of date.
    if (!this.#isUp || this.#connection.isClosed()) return
    this.#connection.publish(this.#subject, JSON.stringify(beat))
  }

  listen(listener: (beat: Beat) => void): () => void {
    const subscription = this.#connection.subscribe(this.#subject, {
      callback: (error, message) => {
        const beat = error === null ? beatOf(message.string()) : undefined
        if (beat !== undefined) listener(beat)
      },
    })
    return () => {
      if (!this.#connection.isClosed()) subscription.unsubscribe()
    }
  }

  /** Ends with the connection. */
  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === 'disconnect') this.#isUp = false
      if (type === 'reconnect') this.#isUp = true
    }
  }
}

/** Undefined if the text is not a beat of this version. */
function beatOf(text: string): Beat | undefined {
  try {
    const beat = JSON.parse(text) as Beat
    const isBeat = typeof beat.node === 'string' && typeof beat.position === 'number' && typeof beat.term === 'number'
    return isBeat ? beat : undefined
  } catch {
    return undefined
  }
}
