import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import root, { type Test } from 'tap'
import { findNatsServer, type NatsServerConfig, natsServerConfig } from '../../src/processes/nats-server.ts'
import { freePort, here, type Place } from './processes.ts'

interface Server {
  name: string
  place: Place
  port: number
  config: string
  child: ChildProcess
  said: string
}

export interface NatsClusterOptions {
  /** Where each server runs. Default: three on this machine. */
  places?: readonly Place[]
  /** The text of a server's configuration. Default: no access control; messages are synced before they count. */
  config?: (server: NatsServerConfig) => string
}

/** A cluster of three nats-servers. Each message is on the disks of all three before it is acknowledged. */
export class NatsCluster {
  readonly #program: string
  readonly #dir: string
  readonly #servers: Server[] = []

  private constructor(program: string) {
    this.#program = program
    this.#dir = mkdtempSync(join(tmpdir(), 'fleetwire-nats-'))
  }

  /** Resolves with undefined if no usable nats-server is found: a comment says how to install it, and CI fails. */
  static async start(t: Test, options: NatsClusterOptions = {}): Promise<NatsCluster | undefined> {
    const program = findServer(t)
    if (program === undefined) return undefined
    const cluster = await NatsCluster.#launch(program, options)
    t.teardown(() => cluster.#stop())
    return cluster
  }

  static async #launch(
    program: string,
    { places = [here, here, here], config: textOf = natsServerConfig }: NatsClusterOptions,
  ): Promise<NatsCluster> {
    const cluster = new NatsCluster(program)
    const spots = await Promise.all(
      places.map(async place => ({ place, port: await freePort(), routePort: await freePort() })),
    )
    const routes = spots.map(({ place, routePort }) => `${place.address}:${routePort}`)
    for (const [n, { place, port, routePort }] of spots.entries()) {
      const name = `n${n + 1}`
      const config = join(cluster.#dir, `${name}.conf`)
      const dataDir = join(cluster.#dir, name)
      writeFileSync(config, textOf({ name, host: place.address, port, routePort, routes, dataDir }))
      const server = { name, place, port, config, child: cluster.#spawn(config, place), said: '' }
      cluster.#servers.push(server)
      cluster.#listen(server)
    }
    return cluster
  }

  /**
   * The cluster shared by all tests of this process that do not end its servers. Undefined if there is no nats-server.
   * Each caller gets its own namespace.
   */
  static async shared(t: Test): Promise<{ addresses: string[]; namespace: string } | undefined> {
    const program = findServer(t)
    if (program === undefined) return undefined
    if (sharedCluster === undefined) {
      const launched = NatsCluster.#launch(program, {})
      sharedCluster = launched
      const stop = async () => (await launched).#stop()
      // Stops after the last file of this process, which may also be the only one.
      if (globalThis.endOfTests === undefined) root.teardown(stop)
      else globalThis.endOfTests.push(stop)
    }
    const { addresses } = await sharedCluster
    return { addresses, namespace: `t${randomBytes(6).toString('hex')}` }
  }

  /** The addresses of all servers. A client uses the first that answers. */
  get addresses(): string[] {
    return this.#servers.map(({ place, port }) => `${place.address}:${port}`)
  }

  /** Ends a server without notice. */
  async kill(name: string): Promise<void> {
    const { child } = this.#find(name)
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Starts a killed server again with its stored data. */
  restart(name: string): void {
    const server = this.#find(name)
    server.child = this.#spawn(server.config, server.place)
    this.#listen(server)
  }

  /** The output of all servers so far. */
  output(): string {
    return this.#servers.map(({ said }) => said).join('')
  }

  #find(name: string): Server {
    return this.#servers.find(server => server.name === name)!
  }

  #spawn(config: string, { prefix }: Place): ChildProcess {
    const [file = '', ...args] = [...prefix, this.#program, '-c', config]
    return spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  }

  #listen(server: Server): void {
    server.child.stderr!.on('data', chunk => {
      server.said += chunk
    })
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#servers.map(({ name }) => this.kill(name)))
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

let sharedCluster: Promise<NatsCluster> | undefined
let found: ReturnType<typeof findNatsServer> | undefined

export function findServer(t: Test): string | undefined {
  // Cached, because it runs the program to learn its version.
  found ??= findNatsServer(process.env)
  const { path, flaw } = found
  if (path !== undefined) return path
  if (process.env.CI === 'true') t.fail(flaw)
  else t.comment(flaw)
  return undefined
}
