import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../src/clock.ts'
import { LocalCluster } from '../../src/processes/local-cluster.ts'
import { findNatsServer } from '../../src/processes/nats-server.ts'

export interface BenchNode {
  name: string
  pid: number
  port: number
}

/** Three nodes over three NATS servers, as `fleetwire cluster` runs them; `settings` can lift the limits per caller. */
export class BenchCluster {
  readonly #cluster: LocalCluster
  readonly #folder: string
  #active = ''
  readonly #ready = new Set<string>()

  private constructor(natsServer: string, settings: Record<string, string>) {
    this.#folder = mkdtempSync(join(tmpdir(), 'fleetwire-bench-cluster-'))
    this.#cluster = new LocalCluster({
      clock: systemClock,
      folder: this.#folder,
      port: 0,
      natsServer,
      env: { PATH: process.env.PATH, FLEETWIRE_LOG_LEVEL: 'warn', ...settings },
      onNote: () => {},
      onActive: name => {
        this.#active = name
      },
      onReady: name => this.#ready.add(name),
      onFailed: () => {
        throw new Error(`a node did not start: see ${this.#folder}`)
      },
    })
  }

  static async start(settings: Record<string, string>): Promise<BenchCluster> {
    const { path, flaw } = findNatsServer(process.env)
    if (path === undefined) throw new Error(flaw)
    const cluster = new BenchCluster(path, settings)
    await cluster.#cluster.start()
    while (cluster.#ready.size < 3 || cluster.#active === '') await delay(50)
    return cluster
  }

  get nodes(): { active: BenchNode; gateways: BenchNode[] } {
    const nodes = this.#parts('node-')
    return {
      active: nodes.find(({ name }) => name === this.#active)!,
      gateways: nodes.filter(({ name }) => name !== this.#active),
    }
  }

  get natsServers(): BenchNode[] {
    return this.#parts('nats-')
  }

  /** The secret that signs the cluster's tokens. */
  get secret(): string {
    return readFileSync(join(this.#folder, 'secret'), 'utf8').trim()
  }

  sign(role: string, sub: string): string {
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const iat = Math.floor(Date.now() / 1000)
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ role, sub, iat, exp: iat + 3600, jti: sub })}`
    return `${signed}.${createHmac('sha256', this.secret).update(signed).digest('base64url')}`
  }

  async stop(): Promise<void> {
    await this.#cluster.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #parts(prefix: string): BenchNode[] {
    return this.#cluster.parts
      .filter(({ name, pid }) => name.startsWith(prefix) && pid !== undefined)
      .map(({ name, pid, address }) => ({ name, pid: pid!, port: Number(new URL(address).port) }))
  }
}
