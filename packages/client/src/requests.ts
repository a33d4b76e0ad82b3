import type { ClientFrameType, ClientPayloads, Reply } from '@fleetwire/protocol'
import type { Clock, Timer } from './clock.ts'
import type { LocalErrorCode, RequestResult } from './errors.ts'

export interface RequestOptions {
  /**
   * What to do without a connection: `wait` until the request times out (default), `fail` at once with `offline`, or
   * `queue` for as long as necessary, in which case the timeout starts when the request is sent.
   */
  offline?: 'wait' | 'fail' | 'queue'
  /** Withdraws the request (`withdrawn`) if it has not been sent yet. Has no effect on a request that was sent. */
  signal?: AbortSignal
}

interface Pending {
  type: ClientFrameType
  text: string
  /** Handed to a socket, so the server may have it. */
  handedOver: boolean
  isQueued: boolean
  settle(result: RequestResult): void
  timer: Timer | undefined
}

const NOT_TWICE: ReadonlySet<ClientFrameType> = new Set(['terminal:input', 'auth:refresh'])
const MAX_PENDING = 10_000

/**
 * Requests waiting for their reply, by id. They survive the socket: unsettled ones are sent again after a reconnect,
 * which is safe if a request is idempotent or has an idempotency key. Timeouts and a maximum bound their number.
 */
export class Requests {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #pending = new Map<string, Pending>()
  #count = 0

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** Returns the frame to send and a promise of the reply, which never rejects. */
  open<T, K extends ClientFrameType>(
    type: K,
    payload: ClientPayloads[K],
    { offline = 'wait', signal }: RequestOptions = {},
  ): { id: string; text: string; result: Promise<RequestResult<T>> } {
    const id = `r${++this.#count}`
    const text = JSON.stringify({ type, id, payload })
    const result = new Promise<RequestResult>(resolve => {
      if (this.#pending.size >= MAX_PENDING) return resolve(local('timeout', `${type}: too many requests are pending`))
      const isQueued = offline === 'queue'
      const withdraw = () => {
        const pending = this.#pending.get(id)
        if (pending?.handedOver === false) this.#settle(id, local('withdrawn', `${type}: withdrawn`))
      }
      const settle = (result: RequestResult) => {
        // The signal may outlive many requests.
        signal?.removeEventListener('abort', withdraw)
        resolve(result)
      }
      this.#pending.set(id, { type, text, handedOver: false, isQueued, settle, timer: undefined })
      if (!isQueued) this.#arm(id)
      signal?.addEventListener('abort', withdraw)
      if (signal?.aborted) withdraw()
    })
    return { id, text, result: result as Promise<RequestResult<T>> }
  }

  /** False if no request waits for this id. */
  reply(id: string, reply: Reply): boolean {
    return this.#settle(id, reply)
  }

  handedOver(id: string): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    pending.handedOver = true
    if (pending.timer === undefined) this.#arm(id)
  }

  /** The frames to send on a new socket, in the order in which they were made. */
  unsettled(): string[] {
    for (const id of this.#pending.keys()) this.handedOver(id)
    return Array.from(this.#pending.values(), ({ text }) => text)
  }

  /** Some requests must not be executed twice: the server detects repeated input only within one connection. */
  lostSocket(): void {
    for (const [id, pending] of [...this.#pending]) {
      const { type, handedOver, isQueued } = pending
      if (handedOver && NOT_TWICE.has(type)) this.#settle(id, local('disconnected', `${type}: the connection was lost`))
      if (!isQueued) continue
      pending.timer?.cancel()
      pending.timer = undefined
    }
  }

  stop(): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, local('stopped', 'the client was closed'))
  }

  #arm(id: string): void {
    const pending = this.#pending.get(id)!
    pending.timer = this.#clock.setTimeout(
      () => this.#settle(id, local('timeout', `${pending.type}: no reply within ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    )
  }

  #settle(id: string, result: RequestResult): boolean {
    const pending = this.#pending.get(id)
    if (pending === undefined) return false
    this.#pending.delete(id)
    pending.timer?.cancel()
    pending.settle(result)
    return true
  }
}

export function local(code: LocalErrorCode, message: string): RequestResult<never> {
  return { ok: false, error: { code, message, retryable: code === 'timeout' || code === 'offline' } }
}
