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
  /** How many bytes of output are kept for viewers who join late or lost their connection. Default 8 MiB. */
  ringBytes?: number
  /** A person sits at this terminal: it answers the program's queries itself, so the server does not. */
  local?: boolean
  onInput?(data: string): void
  onResize?(size: { cols: number; rows: number }): void
  /** Bytes of piped input, each once and in order; `eof`: no more will follow. Call `taken` as they are consumed. */
  onPiped?(bytes: Uint8Array, eof: boolean): void
  /** The reader of the whole output has received it up to this offset. */
  onRead?(offset: number): void
}

export interface TerminalPort {
  /** There is output to send. */
  wake(terminalId: string): void
  report<K extends 'terminal:resize' | 'terminal:exit'>(type: K, payload: AgentPayloads[K], options: PushOptions): void
  acknowledge(payload: AgentPayloads['terminal:ack']): void
  /** Whether output can be sent now. */
  isOnline(): boolean
  /** The exit is stored, so the server will not request bytes again. */
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
/** Unsent output at which a writer is asked to wait, and at which it may continue. */
const HIGH_BYTES = 1024 * 1024
const LOW_BYTES = 256 * 1024
const MAX_CHUNK_BYTES = 32 * 1024
/** A control character takes six characters of JSON, so data of at most a sixth of the room always fits. */
const WORST_ESCAPE = 6
const ENVELOPE_BYTES = 512
/** Dragging a window produces hundreds of sizes; the first and the latest ones matter. */
const MAX_SIZES = 512

/**
 * The agent's side of one terminal. Writes go into a ring and are sent at the pace of the connection. Byte offsets from
 * the start are authoritative: nothing is sent twice, and output that was overwritten before it was sent shows as a
 * jump.
 */
export class AgentTerminal {
  readonly #options: AgentTerminalOptions
  readonly #port: TerminalPort
  readonly #ring: ByteRing
  readonly #inputs = new RecentSet<number>(1024)
  #pipedTo = 0
  #pipeEnded = false
  #takenTo = 0
  /** The sizes for which the kept output was produced; the current one is last. */
  #sizes: { from: number; cols: number; rows: number }[]
  /** The size last reported to the server; undefined if it must be reported again. */
  #told: { cols: number; rows: number } | undefined
  /** Number of reported sizes that the server has not stored. They may be resent after later output. */
  #unstored = 0
  #sentTo = 0
  /** The server knows about this terminal; until then, its frames with this id concern an earlier one. */
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
   * Appends the bytes immediately. Returns a promise if output is produced faster than the connection sends it: a
   * writer that awaits it loses nothing, and one that does not may overwrite unsent output. Without a connection there
   * is nothing to wait for, so the writer may continue.
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

  /** The size has changed. It is reported between the output written before and after the change. */
  resize(cols: number, rows: number): void {
    if (this.#life.state !== 'open') return
    const from = this.#ring.end
    this.#sizes = this.#sizes.filter(size => size.from < from)
    this.#sizes.push({ from, cols, rows })
    if (this.#sizes.length > MAX_SIZES) this.#sizes.splice(1, MAX_SIZES / 2)
    if (this.#isAnnounced && this.#place >= from) this.announce()
    else this.#port.wake(this.terminalId)
  }

  /** Reports the terminal and its size to the server: viewers may connect before the first byte. */
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

  /** Another terminal takes over the id. Drops unsent output, because its offsets would be taken for the new one's. */
  replace(): void {
    if (!this.#isGoingOn) return
    this.#life = this.#life.state === 'open' ? { state: 'exiting', exit: {} } : this.#life
    this.#sentTo = this.#ring.end
    this.#makeRoom()
    this.#reportExit()
  }

  /** Reports the exit, after the last byte has been sent. */
  exit(exit: Exit = {}): void {
    if (this.#life.state !== 'open') return
    this.#life = { state: 'exiting', exit }
    this.#reportExit()
  }

  /** For `agent:connect`: output sent on earlier sockets ends at `offset` and continues there. */
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
    // After an exit, a size would create a new terminal, although the server may still lack output.
    if (!isTold && this.#isGoingOn) {
      this.announce()
      // The size must be sent first.
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

  /** The server lacks bytes from this offset. It marks those that were overwritten as a gap. */
  resend(from: number): void {
    if (from > this.#ring.end) return
    this.#sentTo = Math.min(this.#sentTo, from)
    // The server applies a size at its current output position, so sizes reported for later output do not hold here.
    if (this.#sizes.length > 1) this.#told = undefined
    this.#port.wake(this.terminalId)
  }

  /** Ignores input that was received before. */
  input({ data, encoding, offset, eof = false, inputSeq }: Input): void {
    if (!this.#inputs.add(inputSeq)) return
    if (offset !== undefined) this.#pipe(encoding === 'base64' ? fromBase64(data) : encoder.encode(data), offset, eof)
    else this.#options.onInput?.(encoding === 'base64' ? new TextDecoder().decode(fromBase64(data)) : data)
  }

  /** The program has consumed this many more bytes of the piped input. */
  taken(bytes: number): void {
    this.#takenTo += bytes
    this.#acknowledge()
  }

  read(offset: number): void {
    this.#options.onRead?.(offset)
  }

  /** Passes on each byte once: drops known bytes, and ignores bytes after a hole, which will be sent again. */
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

  /** The viewer that controls the size requests another one. It takes effect when `resize` is called. */
  requestResize(cols: number, rows: number): void {
    this.#options.onResize?.({ cols, rows })
  }

  get #local(): { local?: true } {
    return this.#options.local ? { local: true } : {}
  }

  /** The exit has not been reported yet. */
  get #isGoingOn(): boolean {
    return this.#life.state === 'open' || this.#life.state === 'exiting'
  }

  /** Where the next output to send begins. */
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

  /** Output is not numbered, so it precedes the exit for certain only if it was handed to the socket first. */
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

  /** The server may request missing output until it has stored the exit, and that output must still be sent. */
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
