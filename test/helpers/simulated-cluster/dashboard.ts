import type { SocketEvents } from '@fleetwire/client'
import { ScriptedWire } from '../scripted-wire.ts'
import { SimulatedDashboard } from '../simulated-dashboard.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { NodeProcess, SimulatedNode } from './node.ts'
import { ProcessClock } from './time.ts'

const ALL_BYTES = 10_000_000

/** A wire that delivers data as simulated time passes. */
class TimedWire extends ScriptedWire {
  readonly #world: SimulatedCluster
  readonly #node: SimulatedNode
  readonly #process: NodeProcess
  readonly #tap: (text: string) => void
  readonly #due = { server: false, client: false }
  readonly #processEnded = () => {
    if (!this.#node.isHidden) this.cut({ client: true, server: false })
  }

  constructor(world: SimulatedCluster, node: SimulatedNode, events: SocketEvents, tap: (text: string) => void) {
    super('wide', events)
    this.#world = world
    this.#node = node
    this.#process = node.process!
    this.#tap = tap
    this.#process.ends.add(this.#processEnded)
  }

  override get port() {
    const port = super.port
    return {
      ...port,
      send: (text: string) => {
        port.send(text)
        this.#kick('server')
      },
      close: () => {
        port.close(1000, '')
        this.#process.ends.delete(this.#processEnded)
      },
    }
  }

  override write(frames: Buffer): void {
    super.write(frames)
    this.#kick('client')
  }

  override close(code: number, reason: string): void {
    super.close(code, reason)
    this.#process.ends.delete(this.#processEnded)
    this.#kick('client')
  }

  /** Data is waiting: delivers it after a delay, unless the node is unreachable. */
  #kick(side: 'server' | 'client'): void {
    if (this.#due[side]) return
    this.#due[side] = true
    const { time, random } = this.#world
    const move = () => {
      this.#due[side] = false
      // Delayed data arrives when the node is reachable again.
      if (this.#node.isHidden) return void time.after(500, () => !this.isOver && this.#kick(side))
      if (side === 'server') while (this.toServer());
      else if (this.toClient(ALL_BYTES, this.#tap)) {
        this.#kick('server')
        this.#kick('client')
      }
    }
    if (side === 'server') this.#process.clock.receive(1 + random.below(10), move)
    else time.after(1 + random.below(10), move)
  }
}

/** An SDK dashboard that connects to any node. */
export function openDashboard(world: SimulatedCluster, patterns: readonly string[]): SimulatedDashboard {
  const clock = new ProcessClock(world.time)
  const dashboard: SimulatedDashboard = new SimulatedDashboard({
    ...{ patterns, clock, random: world.random.next },
    dial: (_rights, events) => {
      const node = world.random.pick(world.nodes)
      const { process } = node
      if (process === undefined || node.isHidden || !process.isReady) return undefined
      const wire = new TimedWire(world, node, events, text => dashboard.tap(text, 'wide'))
      process.clock.receive(1 + world.random.below(10), () => {
        process.accept(wire)
        time(1, () => events.open())
      })
      return wire
    },
  })
  const time = (ms: number, what: () => void) => clock.receive(ms, what)
  return dashboard
}
