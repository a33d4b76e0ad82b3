import type { ErrorCode, RestError } from '@fleetwire/protocol'
import type { FleetAnswer, FleetCall, FleetPort } from './fleet-port.ts'

/** The server responded with a refusal. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ErrorCode
  readonly retryAfterSeconds: number | undefined
  readonly details: unknown

  constructor({ code, message, details }: Pick<RestError, 'code' | 'message' | 'details'>, retryAfter?: string) {
    super(message)
    this.code = code
    this.details = details
    this.retryAfterSeconds = retryAfter === undefined ? undefined : Number(retryAfter)
  }
}

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

type Query = FleetCall['query']
type Options = Pick<FleetCall, 'signal' | 'once'>

/** The calls that the tools make. They throw `Refusal`, and whatever the port throws. */
export class Fleet {
  readonly port: FleetPort

  constructor(port: FleetPort) {
    this.port = port
  }

  /** Returns the response if it is a success. */
  async accepted(call: FleetCall): Promise<FleetAnswer> {
    const answer = await this.port.call(call)
    if (answer.status < 300) return answer
    throw new Refusal(refusalOf(answer), answer.header('retry-after'))
  }

  get<T>(path: string, query: Query = {}, options: Options = {}): Promise<T> {
    return this.#ask({ method: 'GET', path, query, ...options })
  }

  post<T>(path: string, body: object, options: Pick<FleetCall, 'headers' | 'signal'> = {}): Promise<T> {
    return this.#ask({ method: 'POST', path, body, ...options })
  }

  async text(path: string, query: Query = {}, options: Options = {}): Promise<string> {
    return (await this.accepted({ method: 'GET', path, query, ...options })).text
  }

  async #ask<T>(call: FleetCall): Promise<T> {
    return JSON.parse((await this.accepted(call)).text) as T
  }
}

function refusalOf({ status, text }: FleetAnswer): Pick<RestError, 'code' | 'message' | 'details'> {
  try {
    const refusal = JSON.parse(text) as Partial<RestError>
    if (typeof refusal.code === 'string' && typeof refusal.message === 'string') return refusal as RestError
  } catch {
    // The response is not the server's but a proxy's.
  }
  const code = status === 401 ? 'unauthorized' : status === 403 ? 'forbidden' : 'unavailable'
  return { code, message: `The server, or a proxy in front of it, answered ${status}: ${text.slice(0, 200)}` }
}

/** Encodes an id for use in a path. */
export const inPath = (id: string): string => encodeURIComponent(id)
