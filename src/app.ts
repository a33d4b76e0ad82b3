import { readFileSync } from 'node:fs'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { DestinationStream } from 'pino'
import agUi from '../plugins/ag-ui.ts'
import agentRelay from '../plugins/agent-relay.ts'
import asyncapi from '../plugins/asyncapi.ts'
import audit from '../plugins/audit.ts'
import auth from '../plugins/auth.ts'
import bodies from '../plugins/bodies.ts'
import broadcaster from '../plugins/broadcaster.ts'
import cluster, { type GivenNode } from '../plugins/cluster.ts'
import connections from '../plugins/connections.ts'
import cors from '../plugins/cors.ts'
import dashboard from '../plugins/dashboard.ts'
import errors, { clientErrorHandler, frameworkErrors } from '../plugins/errors.ts'
import eventBus from '../plugins/event-bus.ts'
import eventLog from '../plugins/event-log.ts'
import fleet from '../plugins/fleet.ts'
import forwarding from '../plugins/forwarding.ts'
import headers from '../plugins/headers.ts'
import jwt from '../plugins/jwt.ts'
import lifecycle from '../plugins/lifecycle.ts'
import metrics from '../plugins/metrics.ts'
import openMessages from '../plugins/open-messages.ts'
import openapi from '../plugins/openapi.ts'
import rateLimit from '../plugins/rate-limit.ts'
import reachedAt from '../plugins/reached-at.ts'
import schemas from '../plugins/schemas.ts'
import shutdown from '../plugins/shutdown.ts'
import summaries from '../plugins/summaries.ts'
import terminals from '../plugins/terminals.ts'
import websocket from '../plugins/websocket.ts'
import agUiRoutes from '../routes/ag-ui/index.ts'
import agent from '../routes/agent/index.ts'
import v1 from '../routes/api/v1/index.ts'
import health from '../routes/health.ts'
import mcp from '../routes/mcp.ts'
import metricsRoute from '../routes/metrics.ts'
import ws from '../routes/ws/index.ts'
import type { HostAnswer } from './auth/host-user.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Config, loadConfig } from './config.ts'
import type { EventLog } from './log/event-log.ts'
import type { StartWorker } from './log/sqlite-client.ts'
import type { OpeningLog } from './log/sqlite-opening.ts'
import { processLog } from './process-log.ts'
import { RequestLog } from './request-log.ts'
import { parseTrustProxy } from './trust-proxy.ts'

export interface ControlPlaneOptions {
  /** Settings that differ from their defaults. */
  config?: Partial<Config>
  /** A log that the caller opened and will close. Default: the configured log. */
  eventLog?: EventLog
  /** The configured log, if it is already being opened. It is closed with the app. */
  openingLog?: OpeningLog
  /** Runs the storage engine of the log or the replica. Default: in a separate thread. */
  startWorker?: StartWorker
  /** The cluster node that this process is, created and closed by the caller. Default: as configured. */
  cluster?: GivenNode
  clock?: Clock
  /**
   * Identifies the sender of a request for the embedding app, for REST and for upgrades to sockets. Called first; if it
   * returns null, the token counts. What it throws becomes the response to the request.
   */
  authenticate?: (request: FastifyRequest) => HostAnswer | Promise<HostAnswer>
  jwksCooldownMs?: number
  /** The folder of the built dashboard pages. Default: where `npm run build` puts them. */
  dashboardFolder?: string
}

export interface AppOptions extends ControlPlaneOptions {
  /** `false` turns the process log off; a stream receives its lines instead of standard output. */
  logger?: boolean | { stream: DestinationStream }
}

function noCompiler(): never {
  throw new Error('A route with schemas was registered before plugins/schemas.ts')
}

/** How often Node checks for connections past their deadline; its default is half a minute. */
export const DEADLINES_CHECK_MS = 1000
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/** The whole control plane, in order of dependency. */
export async function controlPlane(app: FastifyInstance, options: ControlPlaneOptions): Promise<void> {
  const { startWorker } = options
  app.decorate('config', loadConfig({}, options.config))
  app.decorate('clock', options.clock ?? systemClock)

  await app.register(lifecycle)
  await app.register(reachedAt)
  await app.register(cluster, { cluster: options.cluster, startWorker })
  await app.register(eventLog, { eventLog: options.eventLog, openingLog: options.openingLog, startWorker })
  await app.register(audit)
  await app.register(errors)
  await app.register(headers)
  await app.register(bodies)
  await app.register(jwt, { jwksCooldownMs: options.jwksCooldownMs })
  await app.register(auth, { authenticate: options.authenticate })
  await app.register(cors)
  await app.register(rateLimit)
  await app.register(forwarding)
  await app.register(schemas)
  await app.register(openapi, { version })
  await app.register(asyncapi, { version })
  await app.register(connections)
  await app.register(openMessages)
  await app.register(broadcaster)
  await app.register(terminals)
  await app.register(summaries)
  await app.register(fleet, { version })
  await app.register(agentRelay)
  await app.register(agUi)
  await app.register(eventBus)
  await app.register(websocket)
  await app.register(shutdown)
  await app.register(metrics)
  await app.register(dashboard, { version, folder: options.dashboardFolder })

  await app.register(health, { version })
  await app.register(metricsRoute)
  await app.register(agent)
  await app.register(ws)
  await app.register(v1, { prefix: '/api/v1' })
  await app.register(mcp)
  await app.register(agUiRoutes, { prefix: '/ag-ui' })
}

/**
 * Connections that the kernel holds until they are accepted. With Node's 511, a storm of reconnecting clients waits a
 * second or more until TCP handshakes are retried.
 */
export const BACKLOG = 4096

/** A standalone server, not listening yet. Throws if it cannot start; nothing is left open then. */
export async function buildApp({ logger = true, ...options }: AppOptions = {}): Promise<FastifyInstance> {
  const config = loadConfig({}, options.config)
  const app = Fastify({
    logger: logger && processLog(config.LOG_LEVEL, logger === true ? undefined : logger.stream),
    logController: new RequestLog(),
    trustProxy: parseTrustProxy(config.TRUST_PROXY) ?? false,
    // Issuers' subjects appear in URLs, and may be longer than Fastify's limit for a parameter (100).
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors,
    clientErrorHandler,
    // Fastify loads its own compilers unless it gets others: plugins/schemas.ts sets ours before the first route.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    // A request that never arrives completely holds a socket; Fastify's default is to wait forever.
    requestTimeout: config.REQUEST_TIMEOUT_MS,
    // The same goes for a response that its reader does not take. Streams send a byte with every heartbeat.
    connectionTimeout: Math.max(config.STALLED_CONNECTION_MS, 2 * config.HEARTBEAT_MS),
    http: {
      headersTimeout: Math.min(config.HEADERS_TIMEOUT_MS, config.REQUEST_TIMEOUT_MS),
      connectionsCheckingInterval: DEADLINES_CHECK_MS,
    },
    // A big store, or a slow disk, may take longer than Fastify's limit for a plugin (10 s): late is better than never.
    pluginTimeout: 0,
    // While draining, the server still finishes requests: routes and the log refuse new work themselves.
    return503OnClosing: false,
  })
  try {
    await app.register(fp(controlPlane, { name: 'fleetwire' }), options)
  } catch (error) {
    // Whatever is open by now, such as the thread of the log, would keep the process alive.
    await app.close()
    throw error
  }
  return app
}
