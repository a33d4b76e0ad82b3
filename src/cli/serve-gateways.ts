import { hostname } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { onStop } from '../stop-signals.ts'
import { CliError, exitCodes } from './cli-error.ts'

const BACKLOG = 4096
const note = (message: string): void => void process.stderr.write(`fleetwire: ${message}\n`)

/**
 * Runs `count` + 1 nodes as child processes and accepts the connections for all of them. Any of the nodes may become
 * the active one. Each node listens on its own port, after the public one.
 */
export async function serveGateways(count: number, settings: Partial<Config>): Promise<void> {
  const { loadConfig } = await import('../config.ts')
  const { Gateways } = await import('../processes/gateways.ts')
  const { HOST, PORT, DATA_DIR, NATS_URL, NODE, ADDRESS } = loadConfig(process.env, settings)
  if (NATS_URL === undefined)
    throw new CliError(
      'usage',
      '--gateways needs FLEETWIRE_NATS_URL: several processes form a cluster, and their log is a NATS stream (docs/cluster.md).',
    )
  const base =
    NODE ??
    hostname()
      .replaceAll(/[^A-Za-z0-9_-]/g, '-')
      .slice(0, 48)
  const portOf = (i: number) => (PORT === 0 ? 0 : PORT + i)
  if (portOf(count + 1) > 65_535) throw new CliError('usage', `There are fewer than ${count + 1} ports after ${PORT}.`)
  const gateways = new Gateways({
    clock: systemClock,
    host: HOST,
    port: PORT,
    backlog: BACKLOG,
    onNote: note,
    onFailed: () => void end(exitCodes.failed),
    nodes: publicOrigin =>
      Array.from({ length: count + 1 }, (_, i) => {
        const [name, port] = [`${base}-${i + 1}`, portOf(i + 1)]
        const address = ADDRESS === undefined || port === 0 ? {} : { FLEETWIRE_ADDRESS: withPort(ADDRESS, port) }
        const env = { ...process.env, ...address, FLEETWIRE_NODE: name }
        return { name, host: HOST, port, dataDir: join(DATA_DIR, name), publicOrigin, env }
      }),
  })
  let isEnding = false
  const end = async (exitCode: number) => {
    if (isEnding) return
    isEnding = true
    await gateways.stop()
    process.exit(exitCode)
  }
  onStop(systemClock, () => void end(0))
  const url = await gateways.start()
  process.stdout.write(`\nFleetwire listens at ${url}, with ${count + 1} nodes behind it\n`)
}

function withPort(address: string, port: number): string {
  const url = new URL(address)
  url.port = String(port)
  return url.origin
}
