import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '../../clock.ts'
import type { NodeBus, NodeLink } from './node-bus.ts'
import { NodeRequests } from './node-requests.ts'
import { openOf, PacketKind, PacketLink, sendEnd } from './packet-link.ts'
import type { PacketListener, PacketWire } from './packet-wire.ts'

const TICK_MS = 500
/** A tick later than this means that this process stalled, not the others. */
const STALL_MS = 2000

type LinkListener = (link: NodeLink, hello: unknown, from: string) => void

export interface PacketBusOptions {
  node: string
  wire: PacketWire
  clock: Clock
  /** A listener threw, or another node sent something unreadable: the link ends. */
  onFault(fault: unknown): void
}

/** Links and questions between nodes, in packets. */
export class PacketBus implements NodeBus, PacketListener {
  readonly node: string
  readonly #wire: PacketWire
  readonly #clock: Clock
  readonly #onFault: (fault: unknown) => void
  readonly #links = new Map<string, PacketLink>()
  readonly #listeners = new Map<string, LinkListener>()
  readonly #requests: NodeRequests
  readonly #timer: Timer
  #tickedAt: number
  #count = 0
  #isClosed = false

  constructor({ node, wire, clock, onFault }: PacketBusOptions) {
    this.node = node
    this.#wire = wire
    this.#clock = clock
    this.#onFault = onFault
    this.#tickedAt = clock.monotonic()
    wire.listen(this)
    this.#requests = new NodeRequests(this, clock)
    this.#timer = clock.setInterval(() => this.#tick(), TICK_MS)
  }

  request<Q, A>(node: string, topic: string, question: Q, options: { timeoutMs?: number } = {}): Promise<A> {
    return this.#requests.request(node, topic, question, options.timeoutMs)
  }

  answer<Q, A>(topic: string, handler: (question: Q, from: string) => A | Promise<A>): () => void {
    return this.#requests.answer(topic, handler)
  }

  openLink<Hello>(node: string, kind: string, hello: Hello): NodeLink {
    const link = this.#add()
    if (this.#isClosed) {
      setImmediate(() => link.end('this node has stopped'))
      return link
    }
    link.open(this.#wire.nodeAddress(node), { node: this.node, kind })
    link.send(hello)
    return link
  }

  onLink<Hello>(kind: string, listener: (link: NodeLink, hello: Hello, from: string) => void): () => void {
    if (this.#listeners.has(kind)) throw new Error(`There is already a listener for links of the kind "${kind}"`)
    this.#listeners.set(kind, listener as LinkListener)
    return () => this.#listeners.delete(kind)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#timer.cancel()
    for (const link of [...this.#links.values()]) link.end(`node ${this.node} is stopping`)
    this.#wire.close()
  }

  onPacket(tag: string | undefined, packet: Uint8Array, from: string): void {
    if (this.#isClosed) return
    const data = Buffer.from(packet.buffer, packet.byteOffset, packet.length)
    try {
      if (tag === undefined) this.#opened(data, from)
      else if (this.#links.has(tag)) this.#links.get(tag)!.onPacket(data, from)
      // Do not answer an end: if both sides end a link at once, they would answer each other forever.
      else if (data[0] !== PacketKind.end) sendEnd(this.#wire, from, tag, 'this link has ended')
    } catch (fault) {
      this.#onFault(fault)
    }
  }

  onNobody(tag: string): void {
    this.#links.get(tag)?.onNobody()
  }

  #add(peer?: string): PacketLink {
    // Never the tag of an earlier process: packets still on their way to that process are not ours.
    const tag = `${++this.#count}-${randomBytes(4).toString('hex')}`
    const link: PacketLink = new PacketLink({
      ...{ wire: this.#wire, clock: this.#clock, tag, onFault: this.#onFault },
      ...(peer !== undefined && { peer }),
      onGone: () => this.#links.delete(tag),
    })
    this.#links.set(tag, link)
    return link
  }

  #opened(packet: Buffer, peer: string): void {
    const about = openOf(packet) as { node: string; kind: string } | undefined
    if (about === undefined) return
    const link = this.#add(peer)
    link.onPacket(packet, peer)
    const { node, kind } = about
    if (!this.#listeners.has(kind)) {
      link.end(`node ${this.node} does not accept links of the kind "${kind}"`)
      return
    }
    link.accept()
    // Its first message is the hello.
    link.onFirst(hello => {
      const listener = this.#listeners.get(kind)
      if (listener === undefined) link.end(`node ${this.node} does not accept links of the kind "${kind}"`)
      else listener(link, hello, node)
    })
  }

  #tick(): void {
    const now = this.#clock.monotonic()
    const mayJudge = now - this.#tickedAt <= STALL_MS
    this.#tickedAt = now
    for (const link of [...this.#links.values()]) link.onTick(now, mayJudge)
  }
}
