import { once } from 'node:events'
import { createServer } from 'node:http'
import { wireError } from '@fleetwire/protocol'
import type { Clock } from './clock.ts'
import { restError } from './rest-error.ts'

const WAITS = 'This node is starting: it is waiting for the NATS servers, and for its replica to catch up with them.'

export interface WaitingRoomOptions {
  host: string
  port: number
  version: string
  clock: Clock
  /** The number of connections that the kernel holds. */
  backlog: number
  /** How long the head of a request, and the whole request, may take to arrive; beyond that, 408. */
  headersTimeoutMs: number
  requestTimeoutMs: number
  /** How often the timeouts are checked. */
  checkEveryMs: number
}

/**
 * Serves the port of a server that cannot start yet, so that supervisors do not take the process for dead. Resolves
 * with a function that closes it. Rejects if it cannot listen there.
 */
export async function openWaitingRoom({
  host,
  port,
  version,
  clock,
  backlog,
  headersTimeoutMs,
  requestTimeoutMs,
  checkEveryMs,
}: WaitingRoomOptions): Promise<() => Promise<void>> {
  const startedAt = clock.monotonic()
  // The NATS servers may be away for hours, so idle clients must not hold sockets all that time.
  const limits = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: checkEveryMs,
  }
  const server = createServer(limits, (request, response) => {
    const [path] = (request.url ?? '').split('?', 1)
    const isAlive = path === '/health'
    const body = () => {
      if (isAlive) return { status: 'ok', version, uptimeMs: Math.floor(clock.monotonic() - startedAt) }
      if (path === '/ready') return { ready: false, store: WAITS }
      return restError(wireError('unavailable', WAITS, { retryAfterMs: 1000 }))
    }
    response.setHeader('Content-Type', 'application/json; charset=utf-8')
    response.setHeader('Cache-Control', 'no-store')
    response.setHeader('Connection', 'close')
    if (!isAlive) response.setHeader('Retry-After', 1)
    response.statusCode = isAlive ? 200 : 503
    response.end(JSON.stringify(body()))
  })
  server.listen({ host, port, backlog })
  await once(server, 'listening')
  return async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
}
