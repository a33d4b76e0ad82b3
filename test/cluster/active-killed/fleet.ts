import type { Test } from 'tap'
import { SECRET } from '../../helpers/build.ts'
import { decidingOf, type NodeProcess, type OpenNode, startAroundProcess } from '../../helpers/cluster-nodes.ts'
import { hmacToken } from '../../helpers/foreign-token.ts'
import { NatsCluster } from '../../helpers/nats-cluster.ts'

/**
 * Three nodes whose active one is killed once for several tests. Each kill takes long, so the tests run concurrently.
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

  /** `members`: the number of tests that meet. Undefined where there is no nats-server. */
  static async start(t: Test, members: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<KilledFleet | undefined> {
    const nats = await NatsCluster.shared(t)
    if (nats === undefined) return undefined
    const { active, gateways } = await startAroundProcess(t, nats)
    return new KilledFleet(active, gateways, members, signal)
  }

  /** Adds a test; once it has ended, nobody waits for it. */
  join(t: Test): void {
    t.teardown(() => {
      this.#members--
      this.#look()
    })
  }

  /** Resolves when all of the tests have reached this point. */
  async meet(): Promise<void> {
    const met = new Promise<void>(resolve => this.#waiting.push(resolve))
    this.#look()
    await met
  }

  /** Called by one test, for all of them. */
  kill(): void {
    this.active.child.kill(this.#signal)
  }

  /** Resolves with the node that is active after the kill. */
  next(): Promise<OpenNode> {
    return decidingOf(this.gateways)
  }

  #look(): void {
    if (this.#waiting.length >= this.#members) for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
