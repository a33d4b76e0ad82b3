import { setImmediate } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { systemClock } from './clock.ts'
import { type Config, environmentWarnings, loadConfig } from './config.ts'
import { openLog } from './open-log.ts'
import { onStop } from './stop-signals.ts'

/** Longer than any drain. Whatever is unfinished by then is cut off, which the log survives. */
const CLOSE_DEADLINE_MS = 30_000

export interface ServeOptions {
  /** The source of settings. Default: the environment of this process. */
  env?: Record<string, string | undefined>
  /** Hooks of parts that end with the server: before it closes, and after it has closed. */
  closing?(): Promise<void>
  closed?(): Promise<void>
}

/**
 * Runs the control plane as this process: settings from the environment, closed by SIGTERM and SIGINT.
 * Throws if it cannot start; nothing is left open then.
 */
export async function serve(
  overrides: Partial<Config> = {},
  { env = process.env, closing, closed }: ServeOptions = {},
): Promise<FastifyInstance> {
  const config = loadConfig(env, overrides)
  // The log's thread opens it while this thread loads the rest.
  const openingLog = config.NATS_URL === undefined ? openLog(config, systemClock) : undefined
  const { BACKLOG, DEADLINES_CHECK_MS, buildApp } = await import('./app.ts')
  const stream = process.stdout.isTTY ? (await import('pino-pretty')).default() : pino.destination(1)
  const leave = await waitingRoom(config, BACKLOG, DEADLINES_CHECK_MS)
  let app: FastifyInstance
  try {
    app = await buildApp({ config, logger: { stream }, ...(openingLog && { openingLog }) })
  } catch (error) {
    await openingLog?.close()
    await leave()
    throw error
  }
  for (const warning of environmentWarnings(env)) app.log.warn(warning)
  const grace = closeWithGrace(
    { delay: CLOSE_DEADLINE_MS, logger: app.log, skip: ['SIGINT', 'SIGTERM'] },
    async ({ err }) => {
      if (err !== undefined) app.log.fatal({ err }, 'closing after a fault')
      await closing?.()
      await app.close()
      await closed?.()
    },
  )
  const ignoreStops = onStop(app.clock, signal => {
    app.log.info({ signal }, 'closing')
    void grace.close()
  })
  try {
    // Prepares as much as possible first: between the two servers nothing listens on the port.
    await app.ready()
    await leave()
    await app.listen({ host: config.HOST, port: config.PORT, backlog: BACKLOG })
  } catch (error) {
    ignoreStops()
    grace.uninstall()
    await app.close()
    throw error
  }
  app.clock.setTimeout(() => {
    compileSchemas(app).catch(err => app.log.error({ err }, 'a schema cannot be compiled'))
  }, COMPILE_AFTER_MS)
  return app
}

/** A cluster node may have to wait before it starts. With port 0 nobody knows the port yet, so it needs no server. */
async function waitingRoom(config: Config, backlog: number, checkEveryMs: number): Promise<() => Promise<void>> {
  const { NATS_URL, HOST: host, PORT: port, HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS } = config
  if (NATS_URL === undefined || port === 0) return async () => {}
  const { openWaitingRoom } = await import('./waiting-room.ts')
  const { readVersion } = await import('./version.ts')
  return openWaitingRoom({
    ...{ host, port, backlog, checkEveryMs, version: readVersion(), clock: systemClock },
    headersTimeoutMs: Math.min(HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS),
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  })
}

/**
 * After a start agents and dashboards reconnect, on a machine that may be starting other nodes too, and compiling takes
 * half a second of CPU time. REST requests before that wait the few milliseconds of their own route.
 */
const COMPILE_AFTER_MS = 60_000

/** Compiles one schema per turn, so that neither first requests of routes nor other work have to wait. */
async function compileSchemas(app: FastifyInstance): Promise<void> {
  do await setImmediate()
  while (app.lifecycle.phase !== 'draining' && app.compileSchemas(1) > 0)
}
