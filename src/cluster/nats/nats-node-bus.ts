import { randomBytes } from 'node:crypto'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import type { Clock } from '../../clock.ts'
import { PacketBus } from '../bus/packet-bus.ts'
import type { PacketListener, PacketWire } from '../bus/packet-wire.ts'

const MAX_PACKET_BYTES = 1024 * 1024
/** Room for what the library adds to a message. */
const ROOM_BYTES = 1024
const NOBODY = 503

export interface NatsNodeBusOptions {
  node: string
  namespace: string
  /** Each connection of a node to the servers has its own name: `control`, `terminals`. */
  channel: string
  clock: Clock
  onFault(fault: unknown): void
}

/** The bus of this node over one connection, which it does not close. */
export function natsNodeBus(connection: NatsConnection, options: NatsNodeBusOptions): PacketBus {
  const { node, clock, onFault } = options
  return new PacketBus({ node, clock, onFault, wire: new NatsWire(connection, options) })
}

/**
 * Packets on core NATS. Each process has its own inbox, so it never receives what was meant for an earlier process of
 * the same name. Only the first packet is sent to a node by its name.
 */
export class NatsWire implements PacketWire {
  readonly maxPacketBytes: number
  readonly #connection: NatsConnection
  readonly #prefix: string
  readonly #node: string
  readonly #inbox: string
  #subscriptions: Subscription[] = []

  constructor(connection: NatsConnection, options: Pick<NatsNodeBusOptions, 'node' | 'namespace' | 'channel'>) {
    const { node, namespace, channel } = options
    this.#connection = connection
    this.#prefix = `ctl.fw.${namespace}.${channel}`
    this.#node = node
    this.#inbox = `${this.#prefix}.process.${randomBytes(8).toString('hex')}`
    this.maxPacketBytes = Math.min(connection.info?.max_payload ?? MAX_PACKET_BYTES, MAX_PACKET_BYTES) - ROOM_BYTES
  }

  nodeAddress(node: string): string {
    return `${this.#prefix}.node.${tokenOf(node)}`
  }

  send(address: string, packet: Uint8Array, tag: string): void {
    if (this.#connection.isClosed() || this.#connection.isDraining()) return
    this.#connection.publish(address, packet, { reply: `${this.#inbox}.${tag}` })
  }

  listen(listener: PacketListener): void {
    const begin = this.#inbox.length + 1
    const atNode = this.#connection.subscribe(this.nodeAddress(this.#node), {
      callback: (error, { data, reply }) => {
        if (error === null && reply !== undefined) listener.onPacket(undefined, data, reply)
      },
    })
    const atProcess = this.#connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, { subject, data, reply, headers }) => {
        if (error !== null) return
        const tag = subject.slice(begin)
        if (headers?.code === NOBODY) listener.onNobody(tag)
        else if (reply !== undefined) listener.onPacket(tag, data, reply)
      },
    })
    this.#subscriptions = [atNode, atProcess]
  }

  close(): void {
    if (!this.#connection.isClosed()) for (const each of this.#subscriptions) each.unsubscribe()
  }
}

/** A node name as one token of a subject: host names contain dots. */
const tokenOf = (node: string) => node.replaceAll(/[^A-Za-z0-9-]/g, char => `_${char.codePointAt(0)!.toString(16)}_`)
