import type { AgentPayloads, AgentServerPayloads } from '@fleetwire/protocol'
import { ByteRing } from '@fleetwire/protocol'
import { fromBase64 } from '../base64.ts'
import { RecentSet } from '../recent-set.ts'
import type { PushOptions } from './outbox.ts'
import { encodeOutput } from './output-chunk.ts'

export interface AgentTerminalOptions {
  terminalId: string
  cols: number
  rows: number
  /** How many bytes of output are kept for viewers who come late or lost their connection. */
  ringBytes?: number
  /** A person sits at this terminal: it answers the program's queries itself, and the server does not. */
  local?: boolean
  onInput?(data: string): void
  onResize?(size: { cols: number; rows: number }): void
  /** Bytes of a piped input, each once and in order; `eof`: no more will follow. Answer with `taken`. */
  onPiped?(bytes: Uint8Array, eof: boolean): void
  /** The reader of the whole output has it up to this offset. */
  onRead?(offset: number): void
}

export interface TerminalPort {
  /** There is output to send. */
  wake(terminalId: string): void
  report<K extends 'terminal:resize' | 'terminal:exit'>(type: K, payload: AgentPayloads[K], options: PushOptions): void
  acknowledge(payload: AgentPayloads['terminal:ack']): void
  /** Whether output can be sent now. */
  isOnline(): boolean
  /** The exit is stored: nobody will ask for bytes any more. */
  ended(terminal: AgentTerminal): void
}

type Input = Omit<AgentServerPayloads['terminal:input'], 'terminalId'>
type Exit = { exitCode?: number | undefined; signal?: string | undefined }
type Life =
  | { state: 'open' }
  | { state: 'exiting'; exit: Exit }
  | { state: 'exited'; isStored: boolean }
  | { state: 'over' }

const encoder = new TextEncoder()

const RING_BYTES = 8 * 1024 * 1024
/** Unsent output at which a writer is asked to wait, and at which it may go on. */
const HIGH_BYTES = 1024 * 1024
const LOW_BYTES = 256 * 1024
const MAX_CHUNK_BYTES = 32 * 1024
/** A control character takes six characters of JSON, so this many times the bytes always fit. */
const WORST_ESCAPE = 6
const ENVELOPE_BYTES = 512
/** Dragging a window makes hundreds of sizes; the first and the last of them matter. */
const MAX_SIZES = 512

/**
 * One terminal on the agent's side. What is written goes into a ring and is sent at the pace of the connection. Byte
 * offsets from the start are authoritative: nothing is sent twice, and what was overwritten before it was sent shows as
 * a jump.
 */
export class AgentTerminal {
  readonly #options: AgentTerminalOptions
  readonly #port: TerminalPort
  readonly #ring: ByteRing
  readonly #inputs = new RecentSet<number>(1024)
  #pipedTo = 0
  #pipeEnded = false
  #takenTo = 0
  /** The sizes that the kept output was made for, the present one last. */
  #sizes: { from: number; cols: number; rows: number }[]
  /** The one that the server was told last; undefined: it has to be told anew. */
  #told: { cols: number; rows: number } | undefined
  /** How often it was told something that is not stored yet, and may be told again after what comes next. */
  #unstored = 0
  #sentTo = 0
  /** The server knows that this terminal begins; what it still sends about an earlier one with this id is outdated. */
  #isAnnounced = false
  #room: { promise: Promise<void>; made: () => void } | undefined
  #life: Life = { state: 'open' }

  constructor(options: AgentTerminalOptions, port: TerminalPort) {
    this.#options = options
    this.#port = port
    this.#ring = new ByteRing(options.ringBytes ?? RING_BYTES)
    this.#sizes = [{ from: 0, cols: options.cols, rows: options.rows }]
  }

  get terminalId(): string {
    return this.#options.terminalId
  }

  /** How many bytes were written since the start. */
  get offset(): number {
    return this.#ring.end
  }

  /**
   * Takes the bytes at once. Returns a promise if output comes faster than the connection takes it: a writer that waits
   * loses nothing, one that does not may overwrite unsent output. Without a connection there is nothing to wait for,
   * and work goes on.
   */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#life.state !== 'open') return undefined
    this.#ring.append(bytes)
    this.#port.wake(this.terminalId)
    if (this.#unsentBytes <= HIGH_BYTES || !this.#port.isOnline()) return undefined
    this.#room ??= makeRoom()
    return this.#room.promise
  }

  /** The connection is lost. */
  down(): void {
    this.#makeRoom()
  }

  /** The size has changed. The server is told between the output from before and that from after. */
  resize(cols: number, rows: number): void {
    if (this.#life.state !== 'open') return
    const from = this.#ring.end
    this.#sizes = this.#sizes.filter(size => size.from < from)
    this.#sizes.push({ from, cols, rows })
    if (this.#sizes.length > MAX_SIZES) this.#sizes.splice(1, MAX_SIZES / 2)
    if (this.#isAnnounced && this.#place >= from) this.announce()
    else this.#port.wake(this.terminalId)
  }

  /** Tells the server that the terminal exists, and its size: viewers may come before the first byte. */
  announce(): void {
    const { cols, rows } = this.#sizeAt(this.#place)
    this.#told = { cols, rows }
    this.#isAnnounced = false
    const sent = () => {
      this.#isAnnounced = true
    }
    this.#unstored++
    const acked = () => {
      this.#unstored--
    }
    const payload = { terminalId: this.terminalId, cols, rows, ...this.#local }
    this.#port.report('terminal:resize', payload, { exempt: true, sent, acked })
  }

  /** Another terminal takes over its id: unsent output is dropped, since its offsets would be taken for the other's. */
  replace(): void {
    if (!this.#isGoingOn) return
    this.#life = this.#life.state === 'open' ? { state: 'exiting', exit: {} } : this.#life
    this.#sentTo = this.#ring.end
    this.#makeRoom()
    this.#reportExit()
  }

  /** Reported after the last byte was sent. */
  exit(exit: Exit = {}): void {
    if (this.#life.state !== 'open') return
    this.#life = { state: 'exiting', exit }
    this.#reportExit()
  }

  /** For `agent:connect`: what was sent on earlier sockets ends at `offset`, and output continues there. */
  describe(): { terminalId: string; cols: number; rows: number; offset: number; local?: boolean } {
    const { cols, rows } = this.#sizeAt(this.#place)
    this.#told = this.#unstored === 0 ? { cols, rows } : undefined
    return { terminalId: this.terminalId, cols, rows, offset: this.#sentTo, ...this.#local }
  }

  /** The next `terminal:output` frame, joined from everything written since the last one. */
  next(maxFrameBytes: number): string | undefined {
    if (!this.#isAnnounced) return undefined
    const from = this.#place
    const size = this.#sizeAt(from)
    const isTold = size.cols === this.#told?.cols && size.rows === this.#told.rows
    // After its exit a size would begin another terminal, but the server may still lack output.
    if (!isTold && this.#isGoingOn) {
      this.announce()
      // It goes first.
      if (!this.#isAnnounced) return undefined
    }
    if (from >= this.#ring.end) {
      this.#endIfSent()
      return undefined
    }
    const limit = Math.max(64, Math.min(MAX_CHUNK_BYTES, Math.floor((maxFrameBytes - ENVELOPE_BYTES) / WORST_ESCAPE)))
    const to = Math.min(from + limit, this.#sizes.find(next => next.from > from)?.from ?? Number.POSITIVE_INFINITY)
    const { chunk, length } = encodeOutput(from, this.#ring.slice(from, to))
    this.#sentTo = from + length
    if (this.#unsentBytes <= LOW_BYTES) this.#makeRoom()
    const payload: AgentPayloads['terminal:output'] = { terminalId: this.terminalId, ...chunk }
    this.#reportExit()
    return JSON.stringify({ type: 'terminal:output', payload })
  }

  /** The server lacks bytes from here on. Those that were overwritten, it marks as a gap. */
  resend(from: number): void {
    if (from > this.#ring.end) return
    this.#sentTo = Math.min(this.#sentTo, from)
    // The server takes sizes where its output stands, so what was said of later output does not hold here.
    if (this.#sizes.length > 1) this.#told = undefined
    this.#port.wake(this.terminalId)
  }

  /** The same input is not typed twice. */
  input({ data, encoding, offset, eof = false, inputSeq }: Input): void {
    if (!this.#inputs.add(inputSeq)) return
    if (offset !== undefined) this.#pipe(encoding === 'base64' ? fromBase64(data) : encoder.encode(data), offset, eof)
    else this.#options.onInput?.(encoding === 'base64' ? new TextDecoder().decode(fromBase64(data)) : data)
  }

  /** The program has taken this many more bytes of the piped input. */
  taken(bytes: number): void {
    this.#takenTo += bytes
    this.#acknowledge()
  }

  read(offset: number): void {
    this.#options.onRead?.(offset)
  }

  /** Passes on each byte once: what was received before is cut off, and what does not connect will be sent again. */
  #pipe(bytes: Uint8Array, offset: number, eof: boolean): void {
    const end = offset + bytes.length
    const isNews =
      offset <= this.#pipedTo && !this.#pipeEnded && (end > this.#pipedTo || (eof && end === this.#pipedTo))
    if (isNews) {
      const fresh = bytes.subarray(this.#pipedTo - offset)
      this.#pipedTo = end
      this.#pipeEnded = eof
      this.#options.onPiped?.(fresh, eof)
    }
    this.#acknowledge()
  }

  #acknowledge(): void {
    this.#port.acknowledge({ terminalId: this.terminalId, offset: this.#takenTo })
  }

  /** A viewer that holds the size wants it changed: it is when `resize` is called. */
  requestResize(cols: number, rows: number): void {
    this.#options.onResize?.({ cols, rows })
  }

  get #local(): { local?: true } {
    return this.#options.local ? { local: true } : {}
  }

  /** Its exit was not reported yet. */
  get #isGoingOn(): boolean {
    return this.#life.state === 'open' || this.#life.state === 'exiting'
  }

  /** Where the next output to be sent begins. */
  get #place(): number {
    return Math.max(this.#sentTo, this.#ring.oldest)
  }

  get #unsentBytes(): number {
    return this.#ring.end - this.#place
  }

  #sizeAt(offset: number): { cols: number; rows: number } {
    while (this.#sizes.length > 1 && this.#sizes[1]!.from <= this.#ring.oldest) this.#sizes.shift()
    return this.#sizes.findLast(size => size.from <= offset) ?? this.#sizes[0]!
  }

  #makeRoom(): void {
    this.#room?.made()
    this.#room = undefined
  }

  /** Output has no number, so it is certain to be ahead of the exit only if it was handed to the socket before. */
  #reportExit(): void {
    if (this.#life.state !== 'exiting' || this.#sentTo < this.#ring.end) return
    const { exitCode, signal } = this.#life.exit
    const life = { state: 'exited' as const, isStored: false }
    this.#life = life
    const exit = { ...(exitCode !== undefined && { exitCode }), ...(signal !== undefined && { signal }) }
    const acked = () => {
      life.isStored = true
      this.#endIfSent()
    }
    this.#port.report('terminal:exit', { terminalId: this.terminalId, ...exit }, { exempt: true, acked })
  }

  /** The server may ask for what it lacks until it has stored the exit, and the answer is still owed then. */
  #endIfSent(): void {
    if (this.#life.state !== 'exited' || !this.#life.isStored || this.#place < this.#ring.end) return
    this.#life = { state: 'over' }
    this.#port.ended(this)
  }
}

function makeRoom(): { promise: Promise<void>; made: () => void } {
  let made = () => {}
  const promise = new Promise<void>(resolve => {
    made = resolve
  })
  return { promise, made }
}
