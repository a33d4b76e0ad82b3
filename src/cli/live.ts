import { DashboardClient } from '@fleetwire/client/node'
import { CliError, noServer } from './cli-error.ts'
import type { Target } from './target.ts'

/**
 * Keeps a connection to `/ws` until `use` is done or `until` aborts. Rejects if the token is refused or the server was
 * never reachable; a connection that is lost later is retried.
 */
export async function withDashboard<T>(
  target: Target,
  { until, use }: { until?: AbortSignal; use(dashboard: DashboardClient): Promise<T> },
): Promise<T> {
  const dashboard = new DashboardClient({ ...target, client: { name: 'fleetwire-cli' } })
  const stopped = new Promise<never>((_, reject) => {
    let last = 'never'
    dashboard.status.subscribe(status => {
      switch (status.state) {
        case 'stopped':
          if (status.cause.code === 1000) return
          return reject(new CliError('denied', `The server refused the connection: ${status.cause.reason}`))
        case 'waiting': {
          const { reason, httpStatus } = status.cause
          // A server that responds with an HTTP status, such as 503, is reachable.
          if (last === 'never' && httpStatus === undefined) return reject(noServer(target.url, reason))
          if (last !== 'waiting') process.stderr.write(`fleetwire: ${target.url} does not answer; trying again\n`)
          last = 'waiting'
          return
        }
        case 'online':
          last = 'online'
      }
    })
  })
  const aborted = new Promise<never>((_, reject) => {
    if (until !== undefined) whenAborted(until, () => reject(new CliError('interrupted', 'interrupted')))
  })
  dashboard.connect()
  try {
    return await Promise.race([use(dashboard), stopped, aborted])
  } finally {
    dashboard.close()
  }
}

/** Aborts at the first Ctrl-C; the second ends the program as usual. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  return controller.signal
}

/** Also calls `act` if the signal was aborted already. */
export function whenAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act()
  else signal.addEventListener('abort', act, { once: true })
}
