import type { Clock, Timer } from '../../clock.ts'
import { Listeners } from '../../listeners.ts'
import { MessageReader, MessageWriter } from './message-stream.ts'
import type { NodeLink } from './node-bus.ts'
import type { PacketWire } from './packet-wire.ts'

/** Sent when nothing else was, so that the peer notices lost packets and sees that this side is alive. */
const KEEP_ALIVE_MS = 1000
const SILENCE_MS = 3000
/** Received packets are confirmed after this many bytes, or with what is sent anyway. */
const CONFIRM_BYTES = 256 * 1024
/** The most that is buffered for a node that does not keep up. Beyond this the link ends. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024
/** A packet costs both nodes, and the server between them, about 0.1 ms of CPU time, however small it is. */
const GATHER_MS = 10
/** Enough bytes to be worth a packet. */
const GATHER_BYTES = 32 * 1024
/** Kind, packet number, and the number of the last packet received from the peer. */
const HEAD_BYTES = 9

export const PacketKind = { open: 1, accept: 2, messages: 3, end: 4 } as const

export interface PacketLinkOptions {
  wire: PacketWire
  clock: Clock
  /** Identifies the link in this process. */
  tag: string
  /** Where the peer listens; the opener learns it when the link is accepted. */
  peer?: string
  onFault(fault: unknown): void
  onGone(): void
}

/** One side of a link: messages in numbered packets. */
export class PacketLink implements NodeLink {
  readonly tag: string
  readonly #wire: PacketWire
  readonly #clock: Clock
  readonly #options: PacketLinkOptions
  readonly #writer = new MessageWriter()
  readonly #reader = new MessageReader()
  readonly #messages = new Listeners<[message: unknown, bytes: Uint8Array | undefined]>()
  readonly #ends = new Listeners<[reason: string]>()
  /** Content sizes of the packets that the peer has not confirmed, oldest first. */
  #unconfirmed: number[] = []
  #unconfirmedBytes = 0
  #peer: string | undefined
  #sent = 0
  #received = 0
  #unsaidBytes = 0
  #sentAt: number
  #heardAt: number
  #onFirst: ((message: unknown) => void) | undefined
  #isArmed = false
  /** When messages were last sent. */
  #flushedAt = Number.NEGATIVE_INFINITY
  #gathering: Timer | undefined
  #gatheredAt = 0
  #hasEnded = false

  constructor(options: PacketLinkOptions) {
    this.#options = options
    this.tag = options.tag
    this.#wire = options.wire
    this.#clock = options.clock
    this.#peer = options.peer
    this.#sentAt = this.#heardAt = options.clock.monotonic()
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  get bufferedBytes(): number {
    return this.#writer.size + this.#unconfirmedBytes
  }

  onMessage<Message>(listener: (message: Message, bytes: Uint8Array | undefined) => void): void {
    this.#messages.add(listener as (message: unknown, bytes: Uint8Array | undefined) => void)
  }

  onEnd(listener: (reason: string) => void): void {
    this.#ends.add(listener)
  }

  send(message: unknown, bytes?: Uint8Array): void {
    if (this.#add(message, bytes)) this.#arm()
  }

  sendSoon(message: unknown, withinMs = GATHER_MS): void {
    if (!this.#add(message) || this.#isArmed) return
    const now = this.#clock.monotonic()
    const at = this.#flushedAt + withinMs
    if (at <= now || this.#writer.size >= GATHER_BYTES) this.#arm()
    else if (this.#gathering === undefined || at < this.#gatheredAt) {
      this.#gathering?.cancel()
      this.#gathering = this.#clock.setTimeout(() => this.#flush(), at - now)
      this.#gatheredAt = at
    }
  }

  end(reason: string): void {
    this.#flush()
    this.#end(reason)
  }

  /** Asks a node for a link; `about` describes it. */
  open(address: string, about: unknown): void {
    this.#packet(PacketKind.open, address, Buffer.from(JSON.stringify(about)))
  }

  accept(): void {
    this.#packet(PacketKind.accept, this.#peer!)
  }

  /** The listener gets the first message instead of the `onMessage` listeners. */
  onFirst(listener: (message: unknown) => void): void {
    this.#onFirst = listener
  }

  onPacket(packet: Buffer, from: string): void {
    if (this.#hasEnded) return
    const kind = packet[0]
    const number = packet.readUInt32BE(1)
    if (kind === PacketKind.end) {
      this.#over(packet.toString('utf8', HEAD_BYTES))
      return
    }
    // A second process with the same node name accepted too.
    if (kind === PacketKind.accept && this.#peer !== undefined) {
      sendEnd(this.#wire, from, this.tag, 'another process was faster')
      return
    }
    if (number !== this.#received + 1) {
      this.#end('a message was lost')
      return
    }
    this.#received = number
    this.#heardAt = this.#clock.monotonic()
    this.#confirmed(packet.readUInt32BE(5))
    if (kind === PacketKind.accept) {
      this.#peer = from
      this.#flush()
    } else if (kind === PacketKind.messages) this.#read(packet)
  }

  /** No process listens at the address of the peer. */
  onNobody(): void {
    this.#over(this.#peer === undefined ? 'no such node is listening' : 'the other node is gone')
  }

  /** `mayJudge`: this process did not stall itself. */
  onTick(now: number, mayJudge: boolean): void {
    if (!mayJudge) this.#heardAt = now
    if (now - this.#heardAt >= SILENCE_MS) this.#end('the other node was silent for 3 s')
    else if (this.#peer !== undefined && now - this.#sentAt >= KEEP_ALIVE_MS)
      this.#packet(PacketKind.messages, this.#peer)
  }

  /** Returns whether messages can be sent now. */
  #add(message: unknown, bytes?: Uint8Array): boolean {
    if (this.#hasEnded) return false
    this.#writer.add(message, bytes)
    if (this.bufferedBytes <= MAX_BUFFERED_BYTES) return this.#peer !== undefined
    this.#end('the other node does not keep up')
    return false
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    setImmediate(() => this.#flush())
  }

  #read(packet: Buffer): void {
    if (packet.length === HEAD_BYTES) return
    this.#unsaidBytes += packet.length
    try {
      this.#reader.read(packet.subarray(HEAD_BYTES), (message, bytes) => {
        const onFirst = this.#onFirst
        this.#onFirst = undefined
        if (onFirst === undefined) this.#messages.tell(message, bytes)
        else onFirst(message)
        return !this.#hasEnded
      })
    } catch (fault) {
      this.#options.onFault(fault)
      this.#end('a fault of the other node; it was logged there')
      return
    }
    if (!this.#hasEnded && this.#unsaidBytes >= CONFIRM_BYTES) this.#packet(PacketKind.messages, this.#peer!)
  }

  #confirmed(upTo: number): void {
    const waiting = this.#sent - upTo
    while (this.#unconfirmed.length > waiting) this.#unconfirmedBytes -= this.#unconfirmed.shift()!
  }

  #flush(): void {
    this.#isArmed = false
    this.#gathering?.cancel()
    this.#gathering = undefined
    if (this.#hasEnded || this.#peer === undefined || this.#writer.size === 0) return
    this.#flushedAt = this.#clock.monotonic()
    const whole = this.#writer.take(HEAD_BYTES)
    const most = this.#wire.maxPacketBytes
    if (whole.length <= most) {
      this.#put(whole, PacketKind.messages, this.#peer)
      return
    }
    for (let at = HEAD_BYTES; at < whole.length; at += most - HEAD_BYTES) {
      this.#packet(PacketKind.messages, this.#peer, whole.subarray(at, at + most - HEAD_BYTES))
    }
  }

  #packet(kind: number, address: string, content?: Uint8Array): void {
    const packet = Buffer.allocUnsafe(HEAD_BYTES + (content?.length ?? 0))
    if (content !== undefined) packet.set(content, HEAD_BYTES)
    this.#put(packet, kind, address)
  }

  #put(packet: Buffer, kind: number, address: string): void {
    packet[0] = kind
    packet.writeUInt32BE(++this.#sent, 1)
    packet.writeUInt32BE(this.#received, 5)
    this.#unsaidBytes = 0
    const contentBytes = packet.length - HEAD_BYTES
    this.#unconfirmed.push(contentBytes)
    this.#unconfirmedBytes += contentBytes
    this.#sentAt = this.#clock.monotonic()
    this.#wire.send(address, packet, this.tag)
  }

  #end(reason: string): void {
    if (this.#hasEnded) return
    if (this.#peer !== undefined) sendEnd(this.#wire, this.#peer, this.tag, reason)
    this.#over(reason)
  }

  #over(reason: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#gathering?.cancel()
    this.#writer.take(0)
    this.#unconfirmed = []
    this.#unconfirmedBytes = 0
    this.#options.onGone()
    try {
      this.#ends.tell(reason)
    } catch (fault) {
      this.#options.onFault(fault)
    }
  }
}

/** An end is not numbered: it ends the link even if packets before it were lost. */
export function sendEnd(wire: PacketWire, address: string, tag: string, reason: string): void {
  const packet = Buffer.alloc(HEAD_BYTES + Buffer.byteLength(reason))
  packet[0] = PacketKind.end
  packet.write(reason, HEAD_BYTES)
  wire.send(address, packet, tag)
}

/** The request in a packet that opens a link; undefined for any other packet. */
export function openOf(packet: Buffer): unknown {
  if (packet[0] !== PacketKind.open || packet.length <= HEAD_BYTES) return undefined
  return JSON.parse(packet.toString('utf8', HEAD_BYTES))
}
