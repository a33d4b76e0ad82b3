import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The oldest version that tests run. */
const OLDEST = [2, 12] as const
const HOW_TO_GET =
  'Install nats-server 2.15: scripts/install-nats-server.sh in a clone puts it where this looks; the packages of most systems and https://github.com/nats-io/nats-server/releases have it too. Or set NATS_SERVER=/path/to/nats-server.'

/** The program, or a sentence that says why none was found and how to get one. Nothing is downloaded. */
export function findNatsServer(
  env: NodeJS.ProcessEnv,
): { path: string; flaw?: undefined } | { path?: undefined; flaw: string } {
  const installed = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fleetwire', 'nats-server')
  const named = env.NATS_SERVER
  const flaws: string[] = []
  for (const path of named ? [named] : ['nats-server', installed]) {
    if (path === installed && !existsSync(path)) continue
    const { stdout = '', error } = spawnSync(path, ['--version'], { encoding: 'utf8', env })
    const [, major, minor] = /v(\d+)\.(\d+)/.exec(stdout ?? '') ?? []
    if (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]) return { path }
    if (stdout) flaws.push(`${path} is ${stdout.trim()}; the oldest supported version is ${OLDEST.join('.')}.`)
    else if (named) flaws.push(`${named} does not run (${error?.message ?? 'it reports no version'}).`)
  }
  return { flaw: [...(flaws.length > 0 ? flaws : ['nats-server was not found.']), HOW_TO_GET].join(' ') }
}

export interface NatsServerConfig {
  name: string
  /** Default: reachable from this machine only. */
  host?: string
  port: number
  /** Where the other servers of the cluster reach it. */
  routePort: number
  /** The routes of all servers, as `host:port`. */
  routes: readonly string[]
  /** Used by this server alone. */
  dataDir: string
  pidFile?: string
  monitorPort?: number
}

/** The configuration of one server of several; each message is on its disk before it is acknowledged. */
export const natsServerConfig = ({
  name,
  host = '127.0.0.1',
  port,
  routePort,
  routes,
  dataDir,
  pidFile,
  monitorPort,
}: NatsServerConfig): string =>
  [
    `server_name: ${name}`,
    `listen: "${host}:${port}"`,
    ...(monitorPort === undefined ? [] : [`http: "127.0.0.1:${monitorPort}"`]),
    ...(pidFile === undefined ? [] : [`pid_file: ${JSON.stringify(pidFile)}`]),
    `jetstream { store_dir: ${JSON.stringify(dataDir)}, sync_interval: always }`,
    `cluster { name: fleetwire, listen: "${host}:${routePort}", routes: ${JSON.stringify(
      routes.map(route => `nats://${route}`),
    )} }`,
    '',
  ].join('\n')
