import type { Test } from 'tap'
import { SECRET } from '../../helpers/build.ts'
import { decidingOf, type NodeProcess, type OpenNode, startAroundProcess } from '../../helpers/cluster-nodes.ts'
import { hmacToken } from '../../helpers/foreign-token.ts'
import { NatsCluster } from '../../helpers/nats-cluster.ts'

/**
 * Three nodes, whose active one is killed once, under all that is tested of that: it takes as long as the tests, so they
 * run beside each other.
 */
export class KilledFleet {
  readonly active: NodeProcess
  readonly gateways: readonly [OpenNode, OpenNode]
  readonly admin = hmacToken(SECRET, { jti: 'admin' })
  readonly #signal: NodeJS.Signals
  #members: number
  readonly #waiting: (() => void)[] = []

  private constructor(active: NodeProcess, gateways: [OpenNode, OpenNode], members: number, signal: NodeJS.Signals) {
    this.active = active
    this.gateways = gateways
    this.#members = members
    this.#signal = signal
  }

  /** `members`: the tests that meet. Undefined where there is no nats-server. */
  static async start(t: Test, members: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<KilledFleet | undefined> {
    const nats = await NatsCluster.shared(t)
    if (nats === undefined) return undefined
    const { active, gateways } = await startAroundProcess(t, nats)
    return new KilledFleet(active, gateways, members, signal)
  }

  /** Lets a test take part; one that has ended keeps nobody waiting. */
  join(t: Test): void {
    t.teardown(() => {
      this.#members--
      this.#look()
    })
  }

  /** Resolves when all of the tests have come to here. */
  async meet(): Promise<void> {
    const met = new Promise<void>(resolve => this.#waiting.push(resolve))
    this.#look()
    await met
  }

  /** By one of them, for all. */
  kill(): void {
    this.active.child.kill(this.#signal)
  }

  /** Resolves with the one that decides after the kill. */
  next(): Promise<OpenNode> {
    return decidingOf(this.gateways)
  }

  #look(): void {
    if (this.#waiting.length >= this.#members) for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
