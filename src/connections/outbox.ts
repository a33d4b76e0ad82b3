import { type EventBatch, type FrameForm, joinedForm, type OutboundEvent } from '../frames/frame-encoder.ts'
import { JoinedDelta } from '../frames/joined-delta.ts'
import { joinMessages } from '../frames/joined-message.ts'
import { FRAGMENT_BYTES, PacedMessage } from '../frames/paced-message.ts'
import type { SocketPort } from './socket-port.ts'

/** Maximum bytes joined into one write, unless a shared batch is larger. */
const WRITE_BYTES = 64 * 1024

type Held = Map<string | number, Buffer | JoinedDelta | PacedMessage>
/** Most sockets never hold anything back. */
const NOTHING: Held = new Map()

/** What an outbox needs from a socket; the response of an event stream provides it too. */
type Written = Pick<SocketPort, 'form' | 'isCongested' | 'bufferedBytes' | 'write'>

/** The owner of an outbox. */
export interface OutboxOwner {
  /** More bytes wait than the limit allows: the client is too slow. */
  overflowed(): void
}

/**
 * Data that waits to be written to one socket, with a limit in bytes. While the socket accepts everything, frames leave
 * in order. While it is congested, urgent frames go first, only the latest version of a record or metric waits, and
 * streams wait complete. Deltas of one message are joined only if nothing stands between them; otherwise joining would
 * change their order.
 */
export class Outbox {
  readonly #socket: Written
  readonly #limitBytes: number
  readonly #owner: OutboxOwner
  #form: FrameForm
  #urgent: Buffer[] = []
  /**
   * Held back by a congested socket, oldest first. A newer event of a record replaces the older one and moves to the
   * end.
   */
  #held = NOTHING
  #heldKeys = 0
  /** The newest held item, if it can still grow. */
  #open: JoinedDelta | undefined
  /** Added since the last flush; comes after everything held. */
  #fresh: (Buffer | EventBatch | PacedMessage)[] = []
  /** A message that has begun; its rest is sent before anything else. */
  #paced: PacedMessage | undefined
  #queuedBytes = 0
  /** Bytes sent at the pace of the reader. They do not count against the limit, since their sender waits for them. */
  #exemptBytes = 0
  #waiters: (() => void)[] = []

  constructor(socket: Written, limitBytes: number, owner: OutboxOwner) {
    this.#socket = socket
    this.#limitBytes = limitBytes
    this.#owner = owner
    this.#form = socket.form
  }

  /**
   * From now on, frames that are flushed together leave as joined messages. Earlier frames leave, or are held,
   * unchanged.
   */
  join(): void {
    this.flush()
    this.#form = joinedForm(this.#form)
  }

  /** Bytes on this side of the kernel. */
  get bytes(): number {
    return this.#queuedBytes + this.#socket.bufferedBytes
  }

  /** Overtakes everything that is not urgent and is never dropped. */
  urgent(frame: Buffer): void {
    this.#urgent.push(frame)
    this.#queuedBytes += frame.length
  }

  /** Keeps its place among the events. */
  ordered(frame: Buffer): void {
    this.#fresh.push(frame)
    this.#queuedBytes += frame.length
  }

  /** Keeps its place among the events and may have any size: for a sender that waits until it is drained. */
  paced(message: PacedMessage): void {
    this.#fresh.push(message)
    this.#queuedBytes += message.length
    this.#exemptBytes += message.length
  }

  /** Past events, for a sender that waits until they are drained. */
  replay(batch: EventBatch): void {
    this.events(batch)
    this.#exemptBytes += batch.bytes(this.#form).length
  }

  /** Whether a message has begun, so that only control frames may be sent. */
  get isMidMessage(): boolean {
    return this.#paced !== undefined
  }

  /**
   * Writes the rest of a message that has begun, even to a congested socket: nothing else may be sent before it ends.
   */
  endMessage(): void {
    while (this.#paced !== undefined) this.#socket.write(this.#takePaced(this.#paced))
  }

  events(batch: EventBatch): void {
    this.#fresh.push(batch)
    this.#queuedBytes += batch.bytes(this.#form).length
  }

  flush(): void {
    while (!this.#socket.isCongested) {
      const chunk = this.#take()
      if (chunk === undefined) break
      this.#socket.write(chunk)
    }
    if (this.#fresh.length > 0) this.#holdFresh()
    if (this.bytes - this.#exemptBytes > this.#limitBytes) this.#owner.overflowed()
    else if (this.#queuedBytes === 0 && !this.#socket.isCongested) {
      this.#exemptBytes = 0
      this.#wake()
    }
  }

  clear(): void {
    this.#urgent = []
    this.#held = NOTHING
    this.#open = undefined
    this.#fresh = []
    this.#queuedBytes = 0
    this.#exemptBytes = 0
    this.#wake()
  }

  /**
   * Resolves when nothing waits any more or everything was cleared. A long replay uses it to keep its reader's pace.
   */
  drained(): Promise<void> {
    if (this.#queuedBytes === 0 && !this.#socket.isCongested) return Promise.resolve()
    return new Promise(resolve => this.#waiters.push(resolve))
  }

  #wake(): void {
    const waiters = this.#waiters
    if (waiters.length === 0) return
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }

  #takePaced(message: PacedMessage): Buffer {
    this.#queuedBytes -= Math.min(message.length, FRAGMENT_BYTES)
    const part = message.take()
    this.#paced = message.length > 0 ? message : undefined
    return part
  }

  #take(): Buffer | undefined {
    if (this.#paced !== undefined) return this.#takePaced(this.#paced)
    const parts = this.#urgent
    this.#urgent = []
    let bytes = 0
    for (const part of parts) bytes += part.length
    for (const [key, held] of this.#held) {
      if (bytes >= WRITE_BYTES) break
      this.#held.delete(key)
      if (held instanceof PacedMessage) {
        this.#paced = held
        break
      }
      bytes += sizeOf(held)
      parts.push(Buffer.isBuffer(held) ? held : held.frame(this.#form))
    }
    if (this.#held.size === 0 && this.#paced === undefined) {
      this.#open = undefined
      let taken = 0
      for (const item of this.#fresh) {
        if (bytes >= WRITE_BYTES) break
        if (item instanceof PacedMessage) {
          taken++
          this.#paced = item
          break
        }
        const part = Buffer.isBuffer(item) ? item : item.bytes(this.#form)
        parts.push(part)
        bytes += part.length
        taken++
      }
      this.#fresh = taken === this.#fresh.length ? [] : this.#fresh.slice(taken)
    }
    this.#queuedBytes -= bytes
    if (parts.length === 0 && this.#paced !== undefined) return this.#takePaced(this.#paced)
    if (parts.length <= 1) return parts[0]
    return this.#form === 'joined' || this.#form === 'joined-deflated' ? joinMessages(parts) : Buffer.concat(parts)
  }

  #holdFresh(): void {
    for (const item of this.#fresh) {
      if (Buffer.isBuffer(item) || item instanceof PacedMessage) this.#hold(this.#heldKeys++, item)
      else {
        // Held events leave one by one, with different headers than as a batch.
        this.#queuedBytes -= item.bytes(this.#form).length
        for (const event of item.events) this.#holdEvent(event)
      }
    }
    this.#fresh = []
  }

  #holdEvent(event: OutboundEvent): void {
    const frame = event.frame(this.#form)
    const before = this.#open?.bytes ?? 0
    if (this.#open?.add(event)) {
      this.#queuedBytes += this.#open.bytes - before
      return
    }
    const key = event.supersededBy
    const earlier = key === undefined ? undefined : this.#held.get(key)
    if (earlier !== undefined) {
      this.#held.delete(key!)
      this.#queuedBytes -= sizeOf(earlier)
    }
    this.#queuedBytes += frame.length
    const delta = JoinedDelta.of(event, frame.length)
    this.#hold(key ?? this.#heldKeys++, delta ?? frame)
    this.#open = delta
  }

  #hold(key: string | number, item: Buffer | JoinedDelta | PacedMessage): void {
    if (this.#held === NOTHING) this.#held = new Map()
    this.#held.set(key, item)
    this.#open = undefined
  }
}

const sizeOf = (held: Buffer | JoinedDelta | PacedMessage): number =>
  held instanceof JoinedDelta ? held.bytes : held.length
