import type { Clock } from '../../clock.ts'
import type { TerminalHub } from '../../terminals/terminal-hub.ts'
import type { NodeLink } from '../bus/node-bus.ts'
import type { ClusterNode, Service } from '../cluster-node.ts'
import { TERMINALS } from './terminal-messages.ts'
import { TerminalMirror } from './terminal-mirror.ts'
import { TerminalWatch } from './terminal-watch.ts'

export interface ClusterTerminalsOptions {
  hub: TerminalHub
  cluster: Pick<ClusterNode, 'node' | 'active' | 'terminalBus' | 'onRole'>
  clock: Clock
}

/**
 * The terminals of a node in a cluster. While this node is active, its hub decides, and other nodes follow it.
 * Otherwise its hub mirrors the active node. Viewers stay with their hub in either case.
 */
export class ClusterTerminals implements Service {
  readonly #options: ClusterTerminalsOptions
  readonly #mirror: TerminalMirror
  readonly #links = new Set<NodeLink>()
  #unlisten: (() => void)[] = []
  #isDeciding = false
  /** The node that this one follows. */
  #followed: string | undefined

  constructor(options: ClusterTerminalsOptions) {
    this.#options = options
    const { hub, cluster, clock } = options
    this.#mirror = new TerminalMirror({
      ...{ hub, clock },
      openLink: () =>
        this.#followed === undefined ? undefined : cluster.terminalBus.openLink(this.#followed, TERMINALS, {}),
    })
  }

  /** Follows the active node, as long as this node is not active. */
  join(): void {
    const { cluster } = this.#options
    this.#unlisten = [
      cluster.onRole(() => this.#followActive()),
      cluster.terminalBus.onLink(TERMINALS, (link, _hello, from) => this.#accept(link, from)),
    ]
    this.#followed = this.#activeNode
    this.#mirror.start()
  }

  leave(): void {
    for (const unlisten of this.#unlisten) unlisten()
    this.#mirror.stop()
    this.#endLinks('this node is stopping')
  }

  /** Must be called before the first agent is admitted. */
  start(): void {
    this.#isDeciding = true
    this.#followed = undefined
    this.#mirror.stop()
    this.#options.hub.follow(undefined)
  }

  stop(): void {
    this.#isDeciding = false
    this.#endLinks('this node is no longer active')
    this.#mirror.start()
  }

  #followActive(): void {
    const active = this.#activeNode
    if (this.#isDeciding || active === this.#followed) return
    this.#followed = active
    this.#mirror.start()
  }

  /** Undefined if it is this node, which may still be listed as active while it stops, or already while it starts. */
  get #activeNode(): string | undefined {
    const { node, active } = this.#options.cluster
    return active?.node === node ? undefined : active?.node
  }

  #accept(link: NodeLink, from: string): void {
    const { cluster, hub } = this.#options
    if (!this.#isDeciding) {
      link.end(`node ${cluster.node} is not active`)
      return
    }
    this.#links.add(link)
    link.onEnd(() => this.#links.delete(link))
    new TerminalWatch(hub, link, from)
  }

  #endLinks(reason: string): void {
    for (const link of [...this.#links]) link.end(reason)
  }
}
