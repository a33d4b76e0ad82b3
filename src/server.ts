import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import pretty from 'pino-pretty'
import { BACKLOG, buildApp } from './app.ts'
import type { Clock } from './clock.ts'
import { type Config, environmentWarnings, loadConfig } from './config.ts'

/** Longer than any drain: what is not finished by then is cut off, and the log is safe to be cut off. */
const CLOSE_DEADLINE_MS = 30_000

const stopSignals = ['SIGINT', 'SIGTERM'] as const
/** npm passes on what a terminal has sent to the whole group already: twice in a moment is once. */
const SAME_SIGNAL_MS = 1000

/** Calls back for the first signal that asks for the end; one that insists has its way. Returns how to stop listening. */
function onStop(clock: Clock, stop: (signal: NodeJS.Signals) => void): () => void {
  let askedAt: number | undefined
  const asked = (signal: NodeJS.Signals) => {
    const now = clock.monotonic()
    if (askedAt === undefined) {
      askedAt = now
      stop(signal)
    } else if (now - askedAt > SAME_SIGNAL_MS) {
      ignore()
      process.kill(process.pid, signal)
    }
  }
  const ignore = () => {
    for (const signal of stopSignals) process.off(signal, asked)
  }
  for (const signal of stopSignals) process.on(signal, asked)
  return ignore
}

/**
 * Runs the control plane as this process: settings from the environment, closed by SIGTERM and SIGINT.
 * Throws when it cannot start; nothing is then left open.
 */
export async function serve(overrides: Partial<Config> = {}): Promise<FastifyInstance> {
  const config = loadConfig(process.env, overrides)
  const stream = process.stdout.isTTY ? pretty() : pino.destination(1)
  const app = await buildApp({ config, logger: { stream } })
  for (const warning of environmentWarnings(process.env)) app.log.warn(warning)
  const grace = closeWithGrace(
    { delay: CLOSE_DEADLINE_MS, logger: app.log, skip: [...stopSignals] },
    async ({ err }) => {
      if (err !== undefined) app.log.fatal({ err }, 'closing after a fault')
      await app.close()
    },
  )
  const ignoreStops = onStop(app.clock, signal => {
    app.log.info({ signal }, 'closing')
    void grace.close()
  })
  try {
    await app.listen({ host: config.HOST, port: config.PORT, backlog: BACKLOG })
  } catch (error) {
    ignoreStops()
    grace.uninstall()
    await app.close()
    throw error
  }
  return app
}
