import {
  createMcpHandler,
  InMemoryServerEventBus,
  isLegacyRequest,
  legacyStatelessFallback,
  type McpServer,
  SUBSCRIPTION_ID_META_KEY,
} from '@modelcontextprotocol/server'
import type { Clock } from '../clock.ts'
import type { EventLog } from '../log/event-log.ts'
import type { FleetPort } from './fleet-port.ts'
import { limits } from './limits.ts'
import { listenedUris, tooManyListened } from './listened-uris.ts'
import { createMcpServer, type Subscriptions } from './mcp-server.ts'
import { McpSessions } from './mcp-sessions.ts'
import { ResourceUpdates } from './resource-updates.ts'
import { SessionStreams } from './session-streams.ts'

export interface HttpEndpointOptions {
  log: Pick<EventLog, 'append' | 'get' | 'follow'>
  clock: Clock
  position(): string
  /** A tool failed unexpectedly. */
  onFault(error: Error): void
  /** A request violates the protocol; its sender is told, too. */
  onRefused(error: Error): void
}

export interface Posted {
  /** Without its body, which `body` holds parsed. Its signal is aborted when the client has gone. */
  request: Request
  body: unknown
  port: FleetPort
  /** The key of the session that the request names, if any. */
  session: string | undefined
}

const noSubscriptions: Subscriptions = {
  add: async () => 'To subscribe, send the Mcp-Session-Id from the response to initialize.',
  remove: async () => {},
}

/**
 * MCP over HTTP. Each request is served by a server object created for it, so there is no state that a restart could
 * lose. Subscriptions of clients of the 2025 protocol are kept in the log.
 */
export class HttpEndpoint {
  readonly sessions: McpSessions
  readonly streams: SessionStreams
  readonly #options: HttpEndpointOptions
  /** Requests of sessions in progress, so that another request can cancel them. */
  readonly #running = new Map<string, AbortController>()

  constructor(options: HttpEndpointOptions) {
    const { log, clock, position } = options
    this.#options = options
    this.sessions = new McpSessions(log, clock)
    this.streams = new SessionStreams({ sessions: this.sessions, clock, position })
  }

  async post(posted: Posted): Promise<Response> {
    return (await isLegacyRequest(posted.request, posted.body)) ? this.#legacy(posted) : this.#modern(posted)
  }

  /** The protocol of 2026: each request is self-contained. */
  async #modern({ request, body, port }: Posted): Promise<Response> {
    const uris = listenedUris(body)
    if (uris !== undefined && uris.length > limits.subscriptions) return Response.json(tooManyListened(body))
    const bus = new InMemoryServerEventBus(this.#options.onFault)
    if (uris !== undefined) {
      const updates = new ResourceUpdates({
        ...{ port, clock: this.#options.clock },
        updated: changed => {
          for (const uri of changed) bus.publish({ kind: 'resource_updated', uri })
        },
      })
      request.signal.addEventListener('abort', () => updates.close(), { once: true })
      updates.set(uris)
      await updates.ready()
    }
    const handler = createMcpHandler(() => this.#server(port, noSubscriptions), {
      legacy: 'reject',
      onerror: this.#options.onRefused,
      bus,
      // A call may wait for long: a stream can carry signs of life in the meantime.
      responseMode: (body as { method?: unknown } | null)?.method === 'tools/call' ? 'sse' : 'auto',
    })
    return handler.fetch(request, { parsedBody: body })
  }

  /** The protocol of 2025. */
  async #legacy({ request, body, port, session }: Posted): Promise<Response> {
    const own = new AbortController()
    request.signal.addEventListener('abort', () => own.abort(), { once: true })
    const keys = session === undefined ? [] : requestKeys(session, body)
    for (const key of cancelledKeys(session, body)) this.#running.get(key)?.abort()
    for (const key of keys) this.#running.set(key, own)
    const done = () => {
      for (const key of keys) if (this.#running.get(key) === own) this.#running.delete(key)
    }
    const { sessions } = this
    const subscriptions: Subscriptions =
      session === undefined
        ? noSubscriptions
        : {
            add: uri => sessions.subscribe(session, uri),
            remove: async uri => void (await sessions.unsubscribe(session, uri)),
          }
    const serve = legacyStatelessFallback(() => this.#server(port, subscriptions), this.#options.onRefused)
    try {
      const response = await serve(new Request(request, { signal: own.signal }), { parsedBody: body })
      return whenRead(response, done)
    } catch (error) {
      done()
      throw error
    }
  }

  #server(port: FleetPort, subscriptions: Subscriptions): McpServer {
    const { clock, onFault } = this.#options
    return createMcpServer({ port, subscriptions, clock, onFault })
  }
}

/** The response that ends a stream of changes, given the message that opened it. */
export function listenFarewell(body: unknown): string {
  const { id } = body as { id: string | number }
  const result = { resultType: 'complete', _meta: { [SUBSCRIPTION_ID_META_KEY]: id } }
  return `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`
}

interface Message {
  id?: unknown
  method?: unknown
  params?: { requestId?: unknown }
}
const messagesOf = (body: unknown): Message[] =>
  (Array.isArray(body) ? body : [body]).filter(message => typeof message === 'object' && message !== null)
/** The ids 1 and "1" differ. */
const keyOf = (session: string, id: unknown) => `${session} ${JSON.stringify(id)}`

const requestKeys = (session: string, body: unknown): string[] =>
  messagesOf(body)
    .filter(({ id, method }) => id !== undefined && typeof method === 'string')
    .map(({ id }) => keyOf(session, id))

const cancelledKeys = (session: string | undefined, body: unknown): string[] =>
  session === undefined
    ? []
    : messagesOf(body)
        .filter(({ method }) => method === 'notifications/cancelled')
        .map(({ params }) => keyOf(session, params?.requestId))

/** The same response, with a callback once its body was read to the end or is no longer wanted. */
function whenRead(response: Response, done: () => void): Response {
  if (response.body === null) {
    done()
    return response
  }
  const reader = response.body.getReader()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done: isEnd, value } = await reader.read()
        if (!isEnd) return controller.enqueue(value)
        controller.close()
      } catch (error) {
        controller.error(error)
      }
      done()
    },
    async cancel(reason) {
      done()
      await reader.cancel(reason)
    },
  })
  return new Response(body, response)
}
