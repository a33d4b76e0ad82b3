import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock, type Timer } from '../clock.ts'

/** How long the service is down: at first, and after each outage. */
const FIRST_DOWN_MS = 6_000
const DOWN_MS = 30_000
/** How many requests it answers before the next outage. */
const ANSWERS = 2

/** A local HTTP service that answers a few times and then closes its port for a while. */
export class FlakyService {
  #server: Server | undefined
  #port = 0
  #back: Timer | undefined
  #answers = 0
  #falls = 0

  /** Chooses a free port, and leaves it closed at first. */
  async start(): Promise<void> {
    await this.#listen()
    await this.#fall(FIRST_DOWN_MS)
  }

  async stop(): Promise<void> {
    this.#back?.cancel()
    this.#back = undefined
    await this.#close()
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/status`
  }

  #answer(response: ServerResponse): void {
    const body = JSON.stringify({ status: 'ok', falls: this.#falls })
    response.writeHead(200, { 'content-type': 'application/json', connection: 'close' }).end(body)
    this.#answers++
    if (this.#answers % ANSWERS === 0) response.once('close', () => void this.#fall(DOWN_MS))
  }

  async #fall(ms: number): Promise<void> {
    this.#falls++
    await this.#close()
    this.#back = systemClock.setTimeout(() => {
      // Another program may have taken the port: retry later.
      this.#listen().catch(() => void this.#fall(DOWN_MS))
    }, ms)
  }

  #listen(): Promise<void> {
    const server = createServer((_, response) => this.#answer(response))
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', () => {
        this.#server = server
        this.#port = (server.address() as AddressInfo).port
        resolve()
      })
    })
  }

  #close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    return new Promise(resolve => {
      if (server === undefined) return resolve()
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}
