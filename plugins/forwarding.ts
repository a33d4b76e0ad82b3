import { pipeline, Readable, type Readable as ReadableStream } from 'node:stream'
import { wireError } from '@fleetwire/protocol'
import { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ActiveCalls } from '../src/cluster/forwarding/active-calls.ts'
import {
  FORWARDED,
  forwardedHeader,
  HEAD,
  headersPassedOn,
  NOT_ACTIVE,
} from '../src/cluster/forwarding/forwarded-request.ts'
import type { IncomingAnswer } from '../src/cluster/forwarding/http-forwarder.ts'
import { type Body, BodyTooLarge, readAhead } from '../src/cluster/forwarding/read-ahead.ts'
import type { OpenConnection } from '../src/connections/connection-registry.ts'
import { decodeCursor } from '../src/log/cursor.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Calls from this node to the active one; undefined without a cluster. */
    activeCalls: ActiveCalls | undefined
    /**
     * Has the active node serve the requests of a scope, whichever node they reach. A route that any node can serve
     * sets `config: { onAnyNode: true }`. onRequest hooks run first, on the node that was reached: a request that they
     * refuse costs the active node nothing.
     */
    answeredByActive(scope: FastifyInstance): void
    /**
     * Closes a stream, with the advice to reconnect, when this node stops being the active one, since another node then
     * decides about it. The returned function ends this.
     */
    whileDeciding(stream: Pick<OpenConnection, 'close'>): () => void
  }
  interface FastifyContextConfig {
    onAnyNode?: boolean
    /** Repeating the request with the same Idempotency-Key changes nothing more. */
    takesIdempotencyKey?: boolean
  }
}

/** A body up to this size is buffered, and can be sent to another node if the first cannot be reached. */
const HELD_BYTES = 64 * 1024
const FULL_URL = /^https?:\/\/[^/]*/i

const notActive = wireError('unavailable', 'This node is no longer active. Nothing was accepted; try again.', {
  retryAfterMs: 1000,
})

export default fp(
  async app => {
    const { clock, cluster, config, eventLog, lifecycle } = app
    if (cluster === undefined) {
      app.decorate('activeCalls', undefined)
      app.decorate('answeredByActive', () => {})
      app.decorate('whileDeciding', () => () => {})
      return
    }
    const { HttpForwarder } = await import('../src/cluster/forwarding/http-forwarder.ts')
    const forwarder = new HttpForwarder({ stallMs: Math.max(config.STALLED_CONNECTION_MS, 2 * config.HEARTBEAT_MS) })
    const calls = new ActiveCalls({ cluster, clock, draining: lifecycle.draining })
    /** Event streams from the active node. Draining does not wait for them: their clients reconnect to another node. */
    const streams = new Set<FastifyReply['raw']>()
    const cut = () => {
      for (const response of streams) response.destroy()
    }
    lifecycle.draining.addEventListener('abort', cut, { once: true })
    app.addHook('onClose', async () => {
      calls.stop()
      await forwarder.close()
    })

    /** Resolves with the body if this node has become the active one. */
    async function pass(request: FastifyRequest, reply: FastifyReply): Promise<{ here: ReadableStream } | undefined> {
      const { raw, method } = request
      const gone = new AbortController()
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) gone.abort()
      })
      const body = await bodyOf(request)
      let isTooLarge = false
      if (body.kind === 'stream')
        body.stream.once('error', error => {
          isTooLarge = error instanceof BodyTooLarge
        })
      const { seq: head } = decodeCursor(eventLog.head)!
      const from = { address: app.addressOf(request), reachedAt: app.reachedAt(request), head }
      const called = await calls.call<IncomingAnswer>({
        isSafe: isSafe(request),
        canRepeat: () => body.kind !== 'stream',
        gone: gone.signal,
        attempt: (active, signal) =>
          forwarder.send(active, {
            ...{ method, signal, path: raw.url!.replace(FULL_URL, ''), body: sent(body) },
            headers: { ...headersOf(request, body), [FORWARDED]: forwardedHeader(active.key, from) },
          }),
      })
      if (isTooLarge) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
      switch (called.status) {
        case 'here':
          return { here: replay(body) }
        case 'answered':
          await tell(request, reply, called.answer)
          return undefined
        default:
          closeIfUnread(request, reply)
          reply.refuse(called.error)
          return undefined
      }
    }

    async function tell(request: FastifyRequest, reply: FastifyReply, answer: IncomingAnswer): Promise<void> {
      const { statusCode, headers, body, head } = answer
      // The caller's next read or resume on this node must find what the request did.
      if (head !== undefined) await cluster!.caughtUp(head)
      closeIfUnread(request, reply.code(statusCode).headers(headers))
      if (String(headers['content-type']).startsWith('text/event-stream')) {
        stream(reply, body)
        return
      }
      // The body is empty, and Fastify must not derive a content length from it.
      if (request.method === 'HEAD' || statusCode === 204 || statusCode === 304) {
        body.on('error', () => {}).resume()
        reply.send()
      } else reply.send(body)
    }

    function stream(reply: FastifyReply, body: ReadableStream): void {
      const { raw } = reply.hijack()
      raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>)
      // A client that resumes at the end waits for the next event, and must know before then that the stream is open.
      raw.flushHeaders()
      streams.add(raw)
      pipeline(body, raw, () => streams.delete(raw))
      if (lifecycle.draining.aborted) cut()
    }

    const deciding = new Set<Pick<OpenConnection, 'close'>>()
    const offRole = cluster.onRole(() => {
      if (cluster.isActive) return
      for (const each of deciding) each.close(1012, 'another node is active', { reconnectAfterMs: 0 })
    })
    app.addHook('onClose', async () => offRole())
    app.decorate('whileDeciding', (each: Pick<OpenConnection, 'close'>) => {
      deciding.add(each)
      return () => void deciding.delete(each)
    })
    app.decorate('activeCalls', calls)
    app.decorate('answeredByActive', (scope: FastifyInstance) => {
      scope.addHook('preParsing', (request, reply, _payload, done) => {
        const from = app.forwardedFrom(request)
        const doNothing = () => void closeIfUnread(request, reply.header(NOT_ACTIVE, 'true')).refuse(notActive)
        if (request.routeOptions.config.onAnyNode === true) done()
        else if (cluster.isActive) {
          // The forwarding node may have seen a commit whose confirmation has not reached this node yet. A node that
          // was replaced without knowing it never gets that commit.
          if (from === undefined) done()
          else cluster.caughtUp(from.head).then(hasIt => (hasIt ? done() : doNothing()), done)
        } else if (from !== undefined) doNothing()
        else
          pass(request, reply).then(
            passed => passed !== undefined && done(null, passed.here),
            (error: unknown) => {
              closeIfUnread(request, reply)
              done(error as Error)
            },
          )
      })
      scope.addHook('onSend', (request, reply, payload, done) => {
        if (app.forwardedFrom(request) !== undefined) {
          reply.header(HEAD, eventLog.head)
          // This node stopped being active during the request: the sender tries the new active node instead.
          if (!cluster.isActive && reply.statusCode === 503 && saysNothingDone(payload))
            reply.header(NOT_ACTIVE, 'true')
        }
        done(null, payload)
      })
    })
  },
  { name: 'fleetwire-forwarding', dependencies: ['fleetwire-cluster', 'fleetwire-event-log', 'fleetwire-reached-at'] },
)

/** Whether a refusal means that nothing was done, as opposed to an unknown outcome. */
function saysNothingDone(payload: unknown): boolean {
  if (typeof payload !== 'string') return false
  try {
    const { code, details } = JSON.parse(payload) as { code?: string; details?: { outcome?: string } }
    return code === 'unavailable' && details?.outcome === undefined
  } catch {
    return false
  }
}

function isSafe({ method, headers, routeOptions }: FastifyRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return true
  return routeOptions.config.takesIdempotencyKey === true && headers['idempotency-key'] !== undefined
}

/** Rejects with Fastify's own error if the body is too large for the route. */
async function bodyOf({ raw, method, headers, routeOptions }: FastifyRequest): Promise<Body> {
  if (method === 'GET' || method === 'HEAD') return { kind: 'none' }
  const limit = routeOptions.bodyLimit
  try {
    if (Number(headers['content-length']) > limit) throw new BodyTooLarge()
    return await readAhead(raw, HELD_BYTES, limit)
  } catch (error) {
    throw error instanceof BodyTooLarge ? new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE() : error
  }
}

/** Headers pass unchanged: the active node reads from them what it would read if the client had reached it directly. */
function headersOf({ raw }: FastifyRequest, body: Body) {
  const headers = headersPassedOn(raw.headers)
  if (body.kind === 'none') {
    delete headers['content-length']
    delete headers['content-type']
  }
  return headers
}

const sent = (body: Body) => (body.kind === 'none' ? undefined : body.kind === 'whole' ? body.bytes : body.stream)

const replay = (body: Body): ReadableStream =>
  body.kind === 'stream' ? body.stream : Readable.from(body.kind === 'whole' ? [body.bytes] : [], { objectMode: false })

/** The next request on this connection would queue behind a body that nobody reads. */
function closeIfUnread({ raw }: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (!raw.complete) reply.header('connection', 'close')
  return reply
}
