import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** The pause between two connections, and the longest pause before repeating on the same connection. */
const PAUSE_MS = 20
/** The longest pause between two parts of what it sends. */
const MOST_BETWEEN_MS = 200

export interface Habit {
  /** The parts that it sends, with a pause before each but the first. */
  sends: string[]
  /** The number of answers expected, unless the connection ends. */
  answers: number
  /** It repeats on the same connection. */
  stays?: boolean
}

export interface RestlessClientOptions {
  /** The name of its habit. */
  name: string
  habit: Habit
  port: number
  /** How long it waits for the answers or the end of the connection. */
  patienceMs: number
}

/** Connects, sends and waits repeatedly, and records each time that it waits in vain. */
export class RestlessClient {
  readonly flaws: string[] = []
  readonly statuses = new Set<number>()
  answered = 0
  ended = 0
  readonly #options: RestlessClientOptions
  #isOn = true
  #running: Promise<void> = Promise.resolve()

  constructor(options: RestlessClientOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isOn = false
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#isOn) {
      const socket = connect({ port: this.#options.port, host: '127.0.0.1' })
      socket.on('error', () => {})
      const closed = once(socket, 'close').catch(() => {})
      await Promise.race([once(socket, 'connect').catch(() => {}), closed])
      if (!socket.destroyed) await this.#use(socket, closed)
      socket.destroy()
      await delay(PAUSE_MS)
    }
  }

  async #use(socket: Socket, closed: Promise<unknown>): Promise<void> {
    const { name, habit, patienceMs } = this.#options
    const { sends, answers, stays = false } = habit
    let seen = 0
    let look = () => {}
    socket.on('data', chunk => {
      for (const [, status] of String(chunk).matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
        if (status === '100') continue
        seen++
        this.statuses.add(Number(status))
      }
      look()
    })
    do {
      seen = 0
      const answered = new Promise<void>(resolve => {
        look = () => void (seen >= answers && resolve())
      })
      for (const [n, text] of sends.entries()) {
        if (n > 0) await delay(Math.random() * MOST_BETWEEN_MS)
        if (!socket.destroyed) socket.write(text)
      }
      const silence = delay(patienceMs, 'silence' as const, { ref: false })
      const how = await Promise.race([
        answered.then(() => 'answered' as const),
        closed.then(() => 'ended' as const),
        silence,
      ])
      if (how === 'silence') {
        this.flaws.push(`${name}: ${seen} of ${answers} answers, then silence`)
        return
      }
      this[how]++
      if (how === 'ended') return
      if (stays) await delay(Math.random() * PAUSE_MS)
    } while (stays && this.#isOn)
  }
}
