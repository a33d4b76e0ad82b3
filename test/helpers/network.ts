import { spawnSync } from 'node:child_process'
import type { Test } from 'tap'
import type { NodePlace } from './fleet-cluster.ts'

/** Names contain the process id, which tells leftovers of killed tests from namespaces in use. */
const OURS = /^fwt-(\d+)-/

/**
 * Gives each host its own network: a namespace with a link to a router, where packets between hosts can be dropped
 * silently, and a link to the test, which is never cut. The test also has a link to the router. Needs root and `ip`.
 */
export class Network {
  readonly #hosts: readonly string[]
  readonly #net: number[]

  private constructor(hosts: readonly string[]) {
    this.#hosts = hosts
    this.#net = [10, 64 + ((process.pid >> 7) & 127), (process.pid & 127) * 2]
  }

  /** Undefined if namespaces cannot be created; a comment says why. Removed when the test ends. */
  static create(t: Test, hosts: readonly string[]): Network | undefined {
    if (process.getuid?.() !== 0 || spawnSync('ip', ['netns', 'list']).status !== 0) {
      t.comment('network namespaces need root and ip')
      return undefined
    }
    const network = new Network(hosts)
    network.#sweep()
    t.teardown(() => network.#remove())
    network.#build()
    return network
  }

  place(host: string): NodePlace {
    return { address: this.#inside(host), front: this.#front(host), prefix: ['ip', 'netns', 'exec', name(host)] }
  }

  /** Drops everything that `from` sends to `to`. The other direction is not affected. */
  block(from: string, to: string): void {
    this.#rule('add', from, to)
  }

  /** Drops everything between the two hosts, in both directions. */
  cut(one: string, other: string): void {
    this.block(one, other)
    this.block(other, one)
  }

  /** Drops everything between this host and all others. */
  isolate(host: string): void {
    for (const other of this.#hosts) if (other !== host) this.cut(host, other)
  }

  /** Removes all blocks. */
  heal(): void {
    ip(`-n ${name('router')} rule flush`, `-n ${name('router')} rule add pref 32766 lookup main`)
  }

  /** Takes the link of a host to the router down, or up again. */
  link(host: string, state: 'up' | 'down'): void {
    ip(`-n ${name('router')} link set ${this.#port(host)} ${state}`)
  }

  #rule(verb: 'add' | 'del', from: string, to: string): void {
    ip(`-n ${name('router')} rule ${verb} iif ${this.#port(from)} to ${this.#inside(to)} blackhole`)
  }

  #build(): void {
    const router = name('router')
    ip(`netns add ${router}`)
    spawnSync('ip', ['netns', 'exec', router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
    for (const [n, host] of this.#hosts.entries()) {
      const [space, port, front] = [name(host), this.#port(host), `fwt${process.pid}c${n}`]
      ip(
        `netns add ${space}`,
        `-n ${space} link set lo up`,
        `-n ${space} link add inside type veth peer name ${port} netns ${router}`,
        `-n ${space} addr add ${this.#inside(host)}/30 dev inside`,
        `-n ${router} addr add ${this.#address(0, n, 1)}/30 dev ${port}`,
        `-n ${router} link set ${port} up`,
        `-n ${space} link set inside up`,
        `-n ${space} route add default via ${this.#address(0, n, 1)}`,
        `-n ${space} link add front type veth peer name ${front}`,
        `-n ${space} link set ${front} netns ${process.pid}`,
        `-n ${space} addr add ${this.#front(host)}/30 dev front`,
        `-n ${space} link set front up`,
        `addr add ${this.#address(1, n, 1)}/30 dev ${front}`,
        `link set ${front} up`,
      )
    }
    const [n, own] = [this.#hosts.length, `fwt${process.pid}r`]
    ip(
      `-n ${router} link add test type veth peer name ${own} netns ${process.pid}`,
      `-n ${router} addr add ${this.#address(0, n, 1)}/30 dev test`,
      `-n ${router} link set test up`,
      `addr add ${this.#address(0, n, 2)}/30 dev ${own}`,
      `link set ${own} up`,
      `route add ${this.#net.join('.')}.0/24 via ${this.#address(0, n, 1)}`,
    )
  }

  #remove(): void {
    for (const host of [...this.#hosts, 'router']) spawnSync('ip', ['netns', 'del', name(host)])
  }

  /** Removes namespaces of tests that were killed. */
  #sweep(): void {
    const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
    for (const line of stdout.split('\n')) {
      const [space = ''] = line.split(' ')
      const [, pid] = OURS.exec(space) ?? []
      if (pid !== undefined && !isAlive(Number(pid))) spawnSync('ip', ['netns', 'del', space])
    }
  }

  #port(host: string): string {
    return `h${this.#hosts.indexOf(host)}`
  }

  #inside(host: string): string {
    return this.#address(0, this.#hosts.indexOf(host), 2)
  }

  #front(host: string): string {
    return this.#address(1, this.#hosts.indexOf(host), 2)
  }

  /** The address of one end of the n-th link to the router (0) or to the test (1). */
  #address(kind: 0 | 1, n: number, end: 1 | 2): string {
    const [a, b, c] = this.#net as [number, number, number]
    return `${a}.${b}.${c + kind}.${n * 4 + end}`
  }
}

const name = (host: string) => `fwt-${process.pid}-${host}`

function ip(...lines: string[]): void {
  for (const line of lines) {
    const { status, stderr } = spawnSync('ip', line.split(' '), { encoding: 'utf8' })
    if (status !== 0) throw new Error(`ip ${line}: ${stderr.trim()}`)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
