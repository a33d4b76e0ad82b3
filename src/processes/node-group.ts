import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { forkNode, type NodeProcessOptions, type NodeReport, tellNode } from './node-process.ts'
import type { ReadyNodes } from './ready-nodes.ts'
import { Supervised } from './supervised.ts'

export interface NodeSpec extends NodeProcessOptions {
  name: string
}

export interface NodeGroupOptions {
  clock: Clock
  nodes: readonly NodeSpec[]
  ready: ReadyNodes
  /** The pause before a node that has ended is started again. */
  pauseMs: number
  /** The first node that becomes active prints what people need to get in. */
  greets?: boolean
  onNote(message: string): void
  /** A node became the active one. */
  onActive?(name: string): void
  /** A node ended before any of them has ever listened: the cause affects all of them. */
  onFailed(): void
}

/** Longer than a node takes to send its clients elsewhere and to close. */
const STOP_WITHIN_MS = 35_000

/** The nodes of a cluster that run on this machine as child processes of this one. */
export class NodeGroup {
  readonly #options: NodeGroupOptions
  readonly #members = new Map<string, Supervised>()
  #hasListened = false
  #hasGreeted = false

  constructor(options: NodeGroupOptions) {
    this.#options = options
    const { clock, pauseMs, onNote, ready, onFailed } = options
    for (const spec of options.nodes) {
      const { name } = spec
      const member = new Supervised({
        name,
        clock,
        pauseMs,
        spawn: () => forkNode(spec),
        onStart: child => this.#listen(name, child),
        onEnd: ({ how, pauseMs }) => {
          ready.lost(name)
          if (!this.#hasListened) {
            onNote(`${name} has ended (${how}).`)
            onFailed()
            return false
          }
          onNote(`${name} has ended (${how}). It starts again in ${pauseMs / 1000} s.`)
          return true
        },
      })
      this.#members.set(name, member)
    }
  }

  start(): void {
    for (const member of this.#members.values()) member.start()
  }

  /** Each node sends its clients elsewhere and stops. */
  async stop(): Promise<void> {
    await Promise.all(Array.from(this.#members.values(), member => member.stop(STOP_WITHIN_MS)))
  }

  /** Undefined while it does not run. */
  pidOf(name: string): number | undefined {
    return this.#members.get(name)?.child?.pid
  }

  /** Hands a node a connection that was accepted here. Returns whether the node runs. */
  handOn(name: string, socket: Socket): boolean {
    return tellNode(this.#members.get(name)?.child, 'connection', socket)
  }

  #listen(name: string, child: ChildProcess): void {
    const { ready, onActive, greets = false } = this.#options
    child.on('message', (report: NodeReport) => {
      if (report.says === 'listening') {
        this.#hasListened = true
        ready.add({ name, origin: report.origin })
      } else if (report.isActive) {
        onActive?.(name)
        if (greets && !this.#hasGreeted) tellNode(child, 'greet')
        this.#hasGreeted = true
      }
    })
  }
}
