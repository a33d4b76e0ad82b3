import { DashboardClient } from '@fleetwire/client/node'
import { CliError } from './cli-error.ts'
import type { Target } from './target.ts'

/** A connection to `/ws` that lasts until `use` is done or the program is interrupted. A token that is refused ends it. */
export async function withDashboard<T>(
  target: Target,
  { until, use }: { until: AbortSignal; use(dashboard: DashboardClient): Promise<T> },
): Promise<T> {
  const dashboard = new DashboardClient({ ...target, client: { name: 'fleetwire-cli' } })
  const stopped = new Promise<never>((_, reject) => {
    let waited = false
    dashboard.status.subscribe(status => {
      if (status.state === 'stopped' && status.cause.code !== 1000)
        reject(new CliError('denied', `The server refused the connection: ${status.cause.reason}`))
      if (status.state === 'waiting' && !waited)
        process.stderr.write(`fleetwire: ${target.url} does not answer; trying again\n`)
      waited = status.state === 'waiting'
    })
  })
  const aborted = new Promise<never>((_, reject) => {
    until.addEventListener('abort', () => reject(new CliError('interrupted', 'interrupted')), { once: true })
  })
  dashboard.connect()
  try {
    return await Promise.race([use(dashboard), stopped, aborted])
  } finally {
    dashboard.close()
  }
}

/** Aborts at the first Ctrl-C; the second ends the program as ever. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  return controller.signal
}
