import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { wireError } from '@fleetwire/protocol'
import type { FastifyReply, FastifyRequest, InjectOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { FleetAnswer, FleetCall } from '../src/mcp/fleet-port.ts'
import { listenedUris } from '../src/mcp/listened-uris.ts'
import { LocalFleet } from '../src/mcp/local-fleet.ts'
import { restError } from '../src/rest-error.ts'

const SESSION = 'mcp-session-id'
/** How soon a client should reconnect after its stream has ended. */
const RETRY_MS = 2000
/** From this protocol version on, clients accept an event that carries only a cursor. */
const KNOWS_EMPTY_EVENTS = '2025-11-25'
const schema = { hide: true }

const streamHead = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}
/** Headers that describe the message, as opposed to its sender. */
const ofMessage = /^(content-|accept|mcp-|transfer-encoding$|connection$|upgrade$|expect$|last-event-id$)/

const noSession = (id: string) =>
  wireError(
    'not_found',
    `There is no session "${id.slice(0, 64)}": it has ended, or belongs to another server. Initialize again.`,
  )

const stopping: FleetAnswer = {
  status: 503,
  text: JSON.stringify(restError(wireError('unavailable', 'The server is closing. Nothing was accepted; try again.'))),
  header: name => (name === 'retry-after' ? String(RETRY_MS / 1000) : undefined),
}

/** The Model Context Protocol over Streamable HTTP. Its library is loaded by the first request. */
const mcp: FastifyPluginAsyncTypebox = async app => {
  const { broadcaster, clock, config, connections, eventLog } = app
  const { draining } = app.lifecycle
  app.answeredByActive(app)

  const load = async () => {
    const { HttpEndpoint, listenFarewell } = await import('../src/mcp/http-endpoint.ts')
    const endpoint = new HttpEndpoint({
      ...{ log: eventLog, clock },
      position: () => {
        broadcaster.deal()
        return broadcaster.position
      },
      onFault: err => app.log.error({ err }, 'an MCP tool failed'),
      onRefused: err => app.log.debug({ err }, 'an MCP request was refused'),
    })
    return { endpoint, listenFarewell }
  }
  let loading: ReturnType<typeof load> | undefined
  const loaded = () => {
    loading ??= load()
    return loading
  }

  /** This server with the rights of the request: its calls are REST requests by the same sender. */
  function fleetOf(request: FastifyRequest): LocalFleet {
    const sender = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !ofMessage.test(name)))
    return new LocalFleet({
      closing: draining,
      attach: sink => broadcaster.attach(sink, request.principal),
      ask: async ({ method, path, query = {}, body, headers, signal }: FleetCall) => {
        const given = Object.entries(query).filter(([, value]) => value !== undefined)
        const options: InjectOptions = {
          method,
          url: `${app.prefix}/api/v1${path}`,
          query: Object.fromEntries(given.map(([name, value]) => [name, String(value)])),
          headers: { ...sender, ...headers },
          ...(request.socket.remoteAddress !== undefined && { remoteAddress: request.socket.remoteAddress }),
          ...(body !== undefined && { payload: body }),
          ...(signal !== undefined && { signal }),
        }
        // A closing server accepts no more work, not even from within.
        if (draining.aborted) return stopping
        const answer = await app.inject(options)
        return {
          status: answer.statusCode,
          text: answer.payload,
          header: name => {
            const value = answer.headers[name]
            return value === undefined ? undefined : String(value)
          },
        }
      },
    })
  }

  /** Looks up the session that a request names. */
  async function sessionOf({ headers, principal }: FastifyRequest) {
    const id = headers[SESSION]
    if (typeof id !== 'string') return { status: 'none' as const }
    const { sessions } = (await loaded()).endpoint
    const key = sessions.keyOf(principal.sub, id)
    if (key === undefined || (await sessions.get(key)).record.ended) return { status: 'gone' as const, id }
    return { status: 'open' as const, key }
  }

  /** Opens a response stream that lasts until the client, the token or the server ends it. */
  function openStream(
    request: FastifyRequest,
    reply: FastifyReply,
    { framing, onClose }: { framing: { opening: string; closing(): string }; onClose(): void },
  ) {
    reply.hijack()
    reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...streamHead })
    const stream = connections.openStream(reply.raw, {
      principal: request.principal,
      address: app.addressOf(request),
      keepAliveMs: config.HEARTBEAT_MS,
      cursor: broadcaster.position,
      framing,
      onClose: () => {
        release()
        onClose()
      },
    })
    const release = app.whileDeciding(stream)
    return stream
  }

  const hooks = (route: string) => [app.checkOrigin, ...app.admit(route)]

  app.post('/mcp', { onRequest: hooks('POST /mcp'), schema }, async (request, reply) => {
    const session = await sessionOf(request)
    if (session.status === 'gone') return reply.refuse(noSession(session.id))
    const { body } = request
    const isListen = listenedUris(body) !== undefined
    const noRoom = isListen ? connections.refusal(request.principal) : undefined
    if (noRoom !== undefined) return reply.refuse(noRoom)
    const { endpoint, listenFarewell } = await loaded()
    const gone = new AbortController()
    const onGone = () => gone.abort()
    reply.raw.once('close', onGone)
    const response = await endpoint.post({
      request: webRequest(request, gone.signal),
      ...{ body, port: fleetOf(request), session: session.status === 'open' ? session.key : undefined },
    })
    const isInitialize = (body as { method?: unknown } | null)?.method === 'initialize'
    if (isInitialize && response.ok) reply.header(SESSION, endpoint.sessions.newId())
    if (!isListen || response.body === null || !isEventStream(response)) return reply.send(response)

    const stream = openStream(request, reply, {
      framing: { opening: `retry: ${RETRY_MS}\n\n`, closing: () => listenFarewell(body) },
      onClose: onGone,
    })
    for await (const chunk of response.body) {
      stream.write(Buffer.from(chunk))
      await stream.drained()
    }
    stream.close(1000, 'the subscription has ended')
  })

  app.get('/mcp', { onRequest: hooks('GET /mcp'), exposeHeadRoute: false, schema }, async (request, reply) => {
    const session = await sessionOf(request)
    if (session.status === 'gone') return reply.refuse(noSession(session.id))
    if (session.status === 'none')
      return reply.refuse(
        wireError(
          'invalid_request',
          'A stream of changes needs a session: send the Mcp-Session-Id from the response to initialize.',
        ),
      )
    const noRoom = connections.refusal(request.principal)
    if (noRoom !== undefined) return reply.refuse(noRoom)
    const { endpoint } = await loaded()
    const { 'last-event-id': since, 'mcp-protocol-version': version = '' } = request.headers
    const cursor = String(version) >= KNOWS_EMPTY_EVENTS ? `id: ${broadcaster.position}\ndata:\n\n` : ''
    let forget = () => {}
    const stream = openStream(request, reply, {
      framing: { opening: `retry: ${RETRY_MS}\n\n${cursor}`, closing: () => '' },
      onClose: () => forget(),
    })
    forget = await endpoint.streams.open(session.key, {
      port: fleetOf(request),
      write: frame => stream.write(frame),
      end: () => stream.close(1000, 'the session has another stream, or has ended'),
      since: typeof since === 'string' && since !== '' ? since : undefined,
    })
    if (!stream.isOpen) forget()
  })

  app.delete('/mcp', { onRequest: hooks('DELETE /mcp'), schema }, async (request, reply) => {
    const session = await sessionOf(request)
    if (session.status === 'gone') return reply.refuse(noSession(session.id))
    if (session.status === 'none')
      return reply.refuse(wireError('invalid_request', 'Name the session to end: send its Mcp-Session-Id.'))
    const refusal = await (await loaded()).endpoint.sessions.end(session.key)
    if (refusal !== undefined) return reply.refuse(wireError('unavailable', refusal, { retryAfterMs: RETRY_MS }))
    return reply.code(204).send(null)
  })
}
export default fp(mcp, { name: 'fleetwire-routes-mcp', encapsulate: true })

const isEventStream = (response: Response): boolean =>
  response.headers.get('content-type')?.startsWith('text/event-stream') === true

/** The request as the library expects it, without its body, which was already read and parsed. */
function webRequest({ method, headers }: FastifyRequest, signal: AbortSignal): Request {
  const given = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || name.startsWith(':') ? [] : [[name, [value].flat().join(', ')] as [string, string]],
  )
  return new Request('http://localhost/mcp', { method, signal, headers: given })
}
