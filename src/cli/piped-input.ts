import type { DashboardTerminal } from '@fleetwire/client/node'
import { type Clock, systemClock, type Timer } from '../clock.ts'

/** A frame of this size is below every limit, even in base64. */
const CHUNK_BYTES = 32 * 1024
/** How much may be in flight, or buffered at an agent whose program does not read it. */
const WINDOW_BYTES = 256 * 1024
/** Retry delay: the command may not have started yet, or the agent's connection may have dropped something. */
const RETRY_MS = 500

/**
 * Feeds a stream into the input of a command: each byte once and in order, at the pace of the program. Offsets identify
 * the bytes, so bytes that may have been lost are sent again. Bytes are released once the program has them.
 */
export class PipedInput {
  readonly #clock: Clock
  readonly #source: AsyncIterator<Buffer>
  readonly #terminal: () => DashboardTerminal
  /** The bytes from `#taken` on. */
  #kept = Buffer.alloc(0)
  #taken = 0
  #sent = 0
  #ended = false
  #eofSent = false
  #reading = false
  #begun = false
  #stopped = false
  #retry: Timer | undefined

  /** `source`: undefined if the input ends at once. */
  constructor(terminal: () => DashboardTerminal, source?: AsyncIterable<Buffer>, clock: Clock = systemClock) {
    this.#terminal = terminal
    this.#clock = clock
    this.#ended = source === undefined
    this.#source = (source ?? nothing())[Symbol.asyncIterator]()
  }

  start(): void {
    this.#again()
  }

  /** The program has everything up to this offset. The first call means that it has started. */
  taken(offset: number): void {
    const more = offset - this.#taken
    if (more < 0 || more > this.#kept.length) return
    this.#begun = true
    this.#kept = this.#kept.subarray(more)
    this.#taken = offset
    this.#sent = Math.max(this.#sent, offset)
    if (more > 0) this.#arm()
    this.#pump()
  }

  stop(): void {
    this.#stopped = true
    this.#retry?.cancel()
  }

  get #end(): number {
    return this.#taken + this.#kept.length
  }

  #pump(): void {
    while (!this.#stopped && this.#begun) {
      const bytes = this.#kept.subarray(this.#sent - this.#taken, this.#sent - this.#taken + CHUNK_BYTES)
      const eof = this.#ended && this.#sent + bytes.length === this.#end
      if (bytes.length === 0 && !(eof && !this.#eofSent)) break
      this.#send(bytes, this.#sent, eof)
      this.#sent += bytes.length
      this.#eofSent ||= eof
    }
    if (this.#begun && !this.#ended && this.#kept.length < WINDOW_BYTES) this.#read()
  }

  #read(): void {
    if (this.#reading || this.#stopped) return
    this.#reading = true
    const end = () => {
      this.#ended = true
    }
    void this.#source
      .next()
      .then(({ done, value }) => {
        if (done) end()
        else this.#kept = Buffer.concat([this.#kept, value])
      }, end)
      .then(() => {
        this.#reading = false
        this.#pump()
      })
  }

  #send(bytes: Uint8Array, offset: number, eof: boolean): void {
    void this.#terminal().pipe(bytes, { offset, eof })
  }

  /** Asks how far the program has read: the reply to any input says so. */
  #again(): void {
    if (this.#stopped) return
    const isDone = this.#eofSent && this.#kept.length === 0
    // A program that has all bytes may have missed the end of the input.
    if (!this.#begun) this.#send(new Uint8Array(0), 0, false)
    else if (this.#sent > this.#taken || isDone) {
      const bytes = this.#kept.subarray(0, CHUNK_BYTES)
      this.#send(bytes, this.#taken, this.#ended && bytes.length === this.#kept.length)
    }
    this.#arm()
  }

  #arm(): void {
    this.#retry?.cancel()
    this.#retry = this.#clock.setTimeout(() => this.#again(), this.#begun ? 4 * RETRY_MS : RETRY_MS)
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}
