import type { Clock } from '../../src/clock.ts'
import type { PacketListener, PacketWire } from '../../src/cluster/bus/packet-wire.ts'
import type { seededRandom } from './random.ts'

export interface NetworkFaults {
  /** The longest delay of a packet, ms. Packets between two processes keep their order. */
  delayMs: number
  /** The probability that a packet is lost, from 0 to 1. */
  lost: number
}

/** A network between the processes of one test, with cuts, delays and packet loss. */
export class MemoryNetwork {
  readonly #clock: Clock
  readonly #random: ReturnType<typeof seededRandom> | undefined
  readonly #faults: NetworkFaults
  readonly #wires = new Set<MemoryWire>()
  readonly #arrivals = new Map<string, number>()
  #count = 0

  /** `clock` is the network's clock; processes may have slower ones. */
  constructor(clock: Clock, random?: ReturnType<typeof seededRandom>, faults: Partial<NetworkFaults> = {}) {
    this.#clock = clock
    this.#random = random
    this.#faults = { delayMs: 0, lost: 0, ...faults }
  }

  /** Connects a process, on which a PacketBus can run. */
  join(node: string): MemoryWire {
    const wire = new MemoryWire(this, node, `${node}#${++this.#count}`)
    this.#wires.add(wire)
    return wire
  }

  carry(from: MemoryWire, address: string, packet: Uint8Array, tag: string): void {
    const [place, answers] = address.split('/') as [string, string | undefined]
    const to = [...this.#wires].find(wire => wire.node === place || wire.process === place)
    if (from.isCut || (this.#random !== undefined && this.#random.next() < this.#faults.lost)) return
    if (to === undefined) {
      this.#later(`${from.process}<`, () => !from.isCut && from.listener.onNobody(tag))
      return
    }
    const data = Uint8Array.from(packet)
    this.#later(`${from.process}>${to.process}`, () => {
      if (to.isLost() || to.isCut || from.isCut || !this.#wires.has(to)) return
      to.run(() => to.listener.onPacket(answers, data, `${from.process}/${tag}`))
    })
  }

  leave(wire: MemoryWire): void {
    this.#wires.delete(wire)
  }

  #later(way: string, callback: () => void): void {
    const delayMs = this.#faults.delayMs === 0 ? 0 : this.#random!.below(this.#faults.delayMs)
    const at = Math.max(this.#clock.monotonic() + delayMs, this.#arrivals.get(way) ?? 0)
    this.#arrivals.set(way, at)
    this.#clock.setTimeout(callback, at - this.#clock.monotonic())
  }
}

export class MemoryWire implements PacketWire {
  maxPacketBytes = 1000
  /** Nothing is sent or received. */
  isCut = false
  /** Called for each packet that arrives. True: the packet is lost. */
  isLost: () => boolean = () => false
  /** Delivers what has arrived; a suspended process takes it later. */
  run: (callback: () => void) => void = callback => callback()
  readonly node: string
  readonly process: string
  listener!: PacketListener
  readonly #network: MemoryNetwork

  constructor(network: MemoryNetwork, node: string, process: string) {
    this.#network = network
    this.node = node
    this.process = process
  }

  nodeAddress(node: string): string {
    return node
  }

  send(address: string, packet: Uint8Array, tag: string): void {
    this.#network.carry(this, address, packet, tag)
  }

  listen(listener: PacketListener): void {
    this.listener = listener
  }

  /** Also simulates the death of a process, without notice. */
  close(): void {
    this.#network.leave(this)
  }
}
