import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { NodeGroup, type NodeSpec } from './node-group.ts'
import { ReadyNodes } from './ready-nodes.ts'

export interface GatewaysOptions {
  clock: Clock
  host: string
  port: number
  backlog: number
  /** Describes each node, given the origin at which all of them are reached. */
  nodes(publicOrigin: string): NodeSpec[]
  onNote(message: string): void
  onFailed(): void
}

const PAUSE_MS = 500

/**
 * Several nodes behind one port of this machine. This process accepts the connections and hands each to a ready node,
 * which then serves it directly.
 */
export class Gateways {
  readonly #options: GatewaysOptions
  readonly #ready: ReadyNodes
  readonly #server = createServer({ pauseOnConnect: true, noDelay: true }, socket => this.#handOn(socket))
  #nodes: NodeGroup | undefined

  constructor(options: GatewaysOptions) {
    this.#options = options
    this.#ready = new ReadyNodes(options.clock)
  }

  /** Resolves with the origin at which all nodes are reached. Rejects if the port is taken. */
  async start(): Promise<string> {
    const { clock, host, port, backlog, nodes, onNote, onFailed } = this.#options
    this.#server.listen({ host, port, backlog })
    await once(this.#server, 'listening')
    const bound = this.#server.address() as AddressInfo
    const origin = `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
    const group = { clock, nodes: nodes(origin), ready: this.#ready, pauseMs: PAUSE_MS, greets: true, onNote, onFailed }
    this.#nodes = new NodeGroup(group)
    this.#ready.start()
    this.#nodes.start()
    return origin
  }

  async stop(): Promise<void> {
    this.#ready.stop()
    this.#server.close()
    await this.#nodes?.stop()
  }

  #handOn(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    const tried = new Set<string>()
    for (;;) {
      const node = this.#ready.next(tried)
      if (node === undefined) break
      if (this.#nodes!.handOn(node.name, socket)) return
      tried.add(node.name)
    }
    // Just after the start, or when all nodes have failed: clients reconnect.
    socket.destroy()
  }
}
