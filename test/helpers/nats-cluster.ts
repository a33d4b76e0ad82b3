import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from './processes.ts'

const SIZE = 3
const NATS_SERVER = process.env.NATS_SERVER
/** Where scripts/install-nats-server puts it. */
const INSTALLED = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fleetwire', 'nats-server')

interface Server {
  name: string
  port: number
  config: string
  child: ChildProcess
}

/** Three nats-servers as one cluster, each message on the disks of all three before it is acknowledged. */
export class NatsCluster {
  readonly #program: string
  readonly #dir: string
  readonly #servers: Server[] = []

  private constructor(program: string) {
    this.#program = program
    this.#dir = mkdtempSync(join(tmpdir(), 'fleetwire-nats-'))
  }

  /** Undefined where there is no nats-server that can be used: one line says how to get it, and CI fails. */
  static async start(t: Test): Promise<NatsCluster | undefined> {
    const program = findServer(t)
    if (program === undefined) return undefined
    const cluster = new NatsCluster(program)
    t.teardown(() => cluster.#stop())
    const ports = await Promise.all(Array.from({ length: SIZE }, async () => [await freePort(), await freePort()]))
    const routes = ports.map(([, route]) => `nats://127.0.0.1:${route}`)
    for (const [n, [port, route]] of ports.entries()) {
      const name = `n${n + 1}`
      const config = join(cluster.#dir, `${name}.conf`)
      writeFileSync(
        config,
        `server_name: ${name}
listen: "127.0.0.1:${port}"
jetstream { store_dir: ${JSON.stringify(join(cluster.#dir, name))}, sync_interval: always }
cluster { name: fleetwire-test, listen: "127.0.0.1:${route}", routes: ${JSON.stringify(routes)} }
`,
      )
      cluster.#servers.push({ name, port: port!, config, child: cluster.#spawn(config) })
    }
    return cluster
  }

  /** Of all servers; a client takes the first that answers. */
  get addresses(): string[] {
    return this.#servers.map(({ port }) => `127.0.0.1:${port}`)
  }

  /** Ends a server without notice. */
  async kill(name: string): Promise<void> {
    const { child } = this.#find(name)
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Starts a server that was killed, on what it had stored. */
  restart(name: string): void {
    const server = this.#find(name)
    server.child = this.#spawn(server.config)
  }

  #find(name: string): Server {
    return this.#servers.find(server => server.name === name)!
  }

  #spawn(config: string): ChildProcess {
    return spawn(this.#program, ['-c', config], { stdio: 'ignore' })
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#servers.map(({ name }) => this.kill(name)))
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

function findServer(t: Test): string | undefined {
  const flaws: string[] = []
  for (const program of NATS_SERVER === undefined ? [INSTALLED, 'nats-server'] : [NATS_SERVER]) {
    if (program === INSTALLED && !existsSync(program)) continue
    const { stdout = '' } = spawnSync(program, ['--version'], { encoding: 'utf8' })
    const [, major, minor] = /v(\d+)\.(\d+)/.exec(stdout ?? '') ?? []
    if (Number(major) === 2 && Number(minor) >= 12) return program
    if (stdout) flaws.push(`${program} is ${stdout.trim()}, and 2.12 is the oldest that is tested`)
  }
  const missing = `${flaws.join('; ') || 'nats-server is not here'}: scripts/install-nats-server.sh gets it`
  if (process.env.CI === 'true') t.fail(missing)
  else t.comment(missing)
  return undefined
}
