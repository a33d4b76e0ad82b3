import type { Readable } from 'node:stream'
import { Agent, buildConnector } from 'undici'
import { decodeCursor } from '../../log/cursor.ts'
import type { ActiveNode } from '../cluster-node.ts'
import type { Attempt } from './active-calls.ts'
import { HEAD, headersPassedOn, NOT_ACTIVE } from './forwarded-request.ts'

const CONNECT_MS = 2000

export interface HttpForwarderOptions {
  /** How long a node may send nothing, before or during a response, ms. */
  stallMs: number
}

export interface OutgoingRequest {
  method: string
  /** With the query. */
  path: string
  headers: Record<string, string | string[]>
  body: Buffer | Readable | undefined
  signal: AbortSignal
}

export interface IncomingAnswer {
  statusCode: number
  headers: Record<string, string | string[]>
  body: Readable
  /** How far the log of the active node was, as a `seq`. */
  head: number | undefined
}

/** No connection was made, so nothing was sent. */
class NotConnected extends Error {}

/**
 * Sends requests to other nodes unchanged. It uses undici rather than `@fastify/reply-from`, which cannot end a request
 * whose sender disconnects before the response begins, retries requests by its own rules, and refuses ids in a path
 * that contain "/..".
 */
export class HttpForwarder {
  readonly #agent: Agent

  constructor({ stallMs }: HttpForwarderOptions) {
    const connect = buildConnector({ timeout: CONNECT_MS })
    this.#agent = new Agent({
      // A waiting request or a stream occupies its connection, so this node needs as many as it has clients.
      connections: null,
      pipelining: 1,
      headersTimeout: stallMs,
      bodyTimeout: stallMs,
      connect: (options, callback) =>
        connect(options, (...result) => {
          const [error, socket] = result
          if (error !== null) callback(new NotConnected(error.message, { cause: error }), null)
          else callback(null, socket!)
        }),
    })
  }

  /** Rejects if the node does not answer and may have carried out the request. */
  async send(
    to: ActiveNode,
    { method, path, headers, body, signal }: OutgoingRequest,
  ): Promise<Attempt<IncomingAnswer>> {
    try {
      const answer = await this.#agent.request({
        ...{ origin: to.address, method: method as 'GET', path, headers, signal },
        ...(body !== undefined && { body }),
      })
      if (answer.headers[NOT_ACTIVE] === undefined) {
        const { statusCode, body } = answer
        const head = decodeCursor(String(answer.headers[HEAD]))?.seq
        return { status: 'answered', answer: { statusCode, headers: headersPassedOn(answer.headers), body, head } }
      }
      await answer.body.dump()
      return { status: 'not-done' }
    } catch (error) {
      if (error instanceof NotConnected) return { status: 'not-done' }
      throw error
    }
  }

  /** Aborts the requests in progress. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}
