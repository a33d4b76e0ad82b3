import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { Balancer } from './balancer.ts'
import { natsServerConfig } from './nats-server.ts'
import { NodeGroup } from './node-group.ts'
import { endLeftover, holdFolder } from './process-folder.ts'
import { ReadyNodes } from './ready-nodes.ts'
import { Supervised } from './supervised.ts'

export interface LocalClusterOptions {
  clock: Clock
  /** Used by this cluster alone: for its data and for the logs of its parts. */
  folder: string
  port: number
  /** The nats-server program. */
  natsServer: string
  /** The environment of the nodes, without any Fleetwire settings. */
  env: NodeJS.ProcessEnv
  onNote(message: string): void
  onActive(name: string): void
  /** A node that was started is ready for clients. */
  onReady(name: string): void
  onFailed(): void
}

export interface Part {
  name: string
  pid: number | undefined
  address: string
  /** Its log file. */
  log: string | undefined
}

const HOST = '127.0.0.1'
const SIZE = 3
/** Long enough to see how the other nodes react. */
const PAUSE_MS = 5000
const NATS_STOP_WITHIN_MS = 10_000

/**
 * The topology of a cluster as processes of one machine: three NATS servers, three nodes, and a balancer in this
 * process. A later start with the same folder continues where this one ended.
 */
export class LocalCluster {
  readonly #options: LocalClusterOptions
  readonly #ready: ReadyNodes
  readonly #balancer: Balancer
  readonly #nats = new Map<string, { server: Supervised; port: number; monitorPort: number }>()
  readonly #origins = new Map<string, string>()
  /** Nodes that have been ready for clients since they were started. */
  readonly #serving = new Set<string>()
  #nodes: NodeGroup | undefined
  #origin = ''
  #release: () => void = () => {}

  constructor(options: LocalClusterOptions) {
    this.#options = options
    this.#ready = new ReadyNodes(options.clock, ({ name, origin }, state) => {
      this.#origins.set(name, origin)
      if (state === 'silent') {
        this.#balancer.cut(name)
        this.#serving.delete(name)
      } else if (state === 'ready' && !this.#serving.has(name)) {
        this.#serving.add(name)
        options.onReady(name)
      }
    })
    this.#balancer = new Balancer(this.#ready)
  }

  /** Resolves with the origin of the cluster. If the folder or port is taken, rejects with nothing left running. */
  async start(): Promise<string> {
    const { folder, port, clock, env, onNote, onActive, onFailed } = this.#options
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#release = holdFolder(folder)
    try {
      this.#origin = `http://${HOST}:${await this.#balancer.listen(port, HOST)}`
      await this.#startNats()
    } catch (error) {
      await this.stop()
      throw error
    }
    const natsUrl = Array.from(this.#nats.values(), ({ port }) => `nats://${HOST}:${port}`).join(',')
    const monitorUrl = Array.from(this.#nats.values(), ({ monitorPort }) => `http://${HOST}:${monitorPort}`).join(',')
    const secret = secretIn(folder)
    const ports = await freePorts(SIZE)
    const nodes = ports.map((port, i) => {
      const name = `node-${i + 1}`
      const settings = {
        NODE: name,
        NATS_URL: natsUrl,
        NATS_MONITOR_URL: monitorUrl,
        JWT_SECRET: secret,
        ADDRESS: `http://${HOST}:${port}`,
      }
      const prefixed = Object.entries(settings).map(([setting, value]) => [`FLEETWIRE_${setting}`, value])
      return {
        name,
        port,
        host: HOST,
        dataDir: join(folder, name),
        publicOrigin: this.#origin,
        env: { ...env, ...Object.fromEntries(prefixed) },
        output: openSync(this.#logOf(name), 'a', 0o600),
      }
    })
    for (const { name, port } of nodes) this.#origins.set(name, `http://${HOST}:${port}`)
    this.#nodes = new NodeGroup({ clock, nodes, ready: this.#ready, pauseMs: PAUSE_MS, onNote, onActive, onFailed })
    this.#ready.start()
    this.#nodes.start()
    return this.#origin
  }

  /** The nodes stop first: they still need NATS to hand over. */
  async stop(): Promise<void> {
    this.#ready.stop()
    await this.#nodes?.stop()
    await this.#balancer.close()
    await Promise.all(Array.from(this.#nats.values(), ({ server }) => server.stop(NATS_STOP_WITHIN_MS)))
    this.#release()
  }

  get parts(): Part[] {
    return [
      ...Array.from(this.#origins, ([name, address]) => ({
        name,
        pid: this.#nodes?.pidOf(name),
        address,
        log: this.#logOf(name),
      })),
      ...Array.from(this.#nats, ([name, { server, port }]) => ({
        name,
        pid: server.child?.pid,
        address: `nats://${HOST}:${port}`,
        log: this.#logOf(name),
      })),
    ]
  }

  async #startNats(): Promise<void> {
    const { folder, natsServer, clock, onNote } = this.#options
    const ports = await freePorts(SIZE * 3)
    const [routePorts, monitorPorts] = [ports.slice(SIZE, SIZE * 2), ports.slice(SIZE * 2)]
    const routes = routePorts.map(port => `${HOST}:${port}`)
    for (const [i, routePort] of routePorts.entries()) {
      const [name, port, monitorPort] = [`nats-${i + 1}`, ports[i]!, monitorPorts[i]!]
      const [config, pidFile] = [join(folder, `${name}.conf`), join(folder, `${name}.pid`)]
      // Left over from a cluster whose own process was killed: it would write to the same files.
      await endLeftover(pidFile, config, clock)
      writeFileSync(
        config,
        natsServerConfig({ name, port, routePort, routes, dataDir: join(folder, name), pidFile, monitorPort }),
      )
      const server = new Supervised({
        name,
        clock,
        pauseMs: PAUSE_MS,
        spawn: () => {
          const output = openSync(this.#logOf(name), 'a', 0o600)
          // In its own process group, so that Ctrl-C does not end it before the nodes.
          const child = spawn(natsServer, ['-c', config], { detached: true, stdio: ['ignore', output, output] })
          closeSync(output)
          return child
        },
        onEnd: ({ how, pauseMs }) => {
          onNote(`${name} has ended (${how}). It starts again in ${pauseMs / 1000} s.`)
          return true
        },
      })
      this.#nats.set(name, { server, port, monitorPort })
    }
    for (const { server } of this.#nats.values()) server.start()
  }

  #logOf = (name: string): string => join(this.#options.folder, `${name}.log`)
}

/** Stored where the command line looks for the secret of a server on this machine. */
function secretIn(folder: string): string {
  const path = join(folder, 'secret')
  try {
    writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(path, 'utf8').trim()
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as { port: number }).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}
