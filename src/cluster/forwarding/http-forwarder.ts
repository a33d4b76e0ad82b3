import type { Readable } from 'node:stream'
import { Agent, buildConnector } from 'undici'
import { decodeCursor } from '../../log/cursor.ts'
import type { ActiveNode } from '../cluster-node.ts'
import type { Attempt } from './active-calls.ts'
import { HEAD, headersPassedOn, NOT_ACTIVE } from './forwarded-request.ts'

const CONNECT_MS = 2000

export interface HttpForwarderOptions {
  /** How long a node may send nothing while an answer is awaited, or while one is under way, ms. */
  stallMs: number
}

export interface OutgoingRequest {
  method: string
  /** With its query. */
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

/** No connection could be made, so nothing was sent. */
class NotConnected extends Error {}

/**
 * Sends requests to other nodes as they came. It is undici and not `@fastify/reply-from` on top of it, which cannot end a
 * request whose sender goes before the answer begins, sends requests again by its own rules, and refuses ids in a path
 * that have "/.." in them.
 */
export class HttpForwarder {
  readonly #agent: Agent

  constructor({ stallMs }: HttpForwarderOptions) {
    const connect = buildConnector({ timeout: CONNECT_MS })
    this.#agent = new Agent({
      // A request that waits, or a stream, holds its connection, and there are as many as clients have here.
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

  /** Rejects where the node may have carried it out and does not answer. */
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

  /** Requests that are under way are cut off. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}
