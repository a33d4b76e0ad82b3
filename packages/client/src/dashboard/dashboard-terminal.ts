import type { ClientPayloads, ServerPayloads, TerminalSnapshot, WireError } from '@fleetwire/protocol'
import { toBase64 } from '../base64.ts'
import type { Clock, Timer } from '../clock.ts'
import { messageOf, type RequestResult } from '../errors.ts'
import type { Log } from '../log.ts'
import { TerminalBuffer } from '../terminal-buffer.ts'

export interface TerminalViewOptions {
  agentId: string
  /** Default: the agent's newest terminal. */
  terminalId?: string
  /**
   * `snapshot`: screens at intervals, for a tile. `bytes` (default): a screen, then all output. `whole`: every original
   * byte from the first on and no screens, for a single reader on which the program then waits; needs `terminal:write`.
   */
  mode?: 'bytes' | 'snapshot' | 'whole'
  /**
   * A terminal with a person in front of it draws this view, and its responses are typed: it receives the program's
   * queries unless another view already answers them. Otherwise queries are removed, and the server answers them.
   */
  answers?: boolean
  /** Delivers the bytes exactly as the program wrote them, for a file or a pipe, rather than for a terminal. */
  raw?: boolean
  /** The current screen, which replaces what was shown. Also called after bytes were missed. */
  onSnapshot?(snapshot: TerminalSnapshot): void
  /**
   * Bytes that follow those shown before; `gap`: lost bytes before them. Further bytes arrive even while the returned
   * promise is pending, but bytes are acknowledged only when it resolves: a slow screen gets a snapshot instead of a
   * flood.
   */
  onOutput?(bytes: Uint8Array, info: { offset: number; gap?: { from: number; to: number } }): void | Promise<void>
  /** Mode `whole`: the program has consumed its piped input up to this offset. */
  onTaken?(offset: number): void
  onResize?(size: { cols: number; rows: number }): void
  onExit?(exit: { exitCode?: number; signal?: string }): void
  onError?(error: WireError): void
}

/** The part of the client that a terminal uses. Error replies carry the `id`. */
export interface TerminalViewPort {
  log: Log
  clock: Clock
  send<K extends `terminal:${'open' | 'close' | 'ack'}`>(type: K, payload: ClientPayloads[K], id?: string): void
  /** Grows across all views of the client, because the server sees them as one viewer. */
  nextInputSeq(): number
  request<K extends 'terminal:input' | 'terminal:resize'>(type: K, payload: ClientPayloads[K]): Promise<RequestResult>
}

/** The server stops after 512 KiB without an acknowledgement; one per 64 KiB keeps up a few frames per second. */
const ACK_EVERY_BYTES = 64 * 1024
/** Half of what the server sends ahead, so that a program with fast output costs few frames. */
const WHOLE_ACK_EVERY_BYTES = 256 * 1024
/** A program waits for its reader only while a sign of life arrives at least every 30 s. */
const SIGN_OF_LIFE_MS = 5_000

/** A viewer's side of one terminal, over successive sockets. */
export class DashboardTerminal {
  readonly #options: TerminalViewOptions
  readonly #port: TerminalViewPort
  readonly #buffer: TerminalBuffer
  /** The terminal whose screen is shown. */
  #shownId: string | undefined
  #hasScreen = false
  #drawn = 0
  #acked = 0
  #life: Timer | undefined

  constructor(options: TerminalViewOptions, port: TerminalViewPort) {
    this.#options = options
    this.#port = port
    this.#buffer = new TerminalBuffer(0, { raw: options.raw || this.#isWhole })
    this.#hasScreen = this.#isWhole
  }

  get agentId(): string {
    return this.#options.agentId
  }

  /** The terminal that is shown. A view without an id follows the agent's newest. */
  get terminalId(): string | undefined {
    return this.#shownId ?? this.#options.terminalId
  }

  /** The target with which the view was opened. */
  get target(): { agentId: string; terminalId?: string } {
    const { agentId, terminalId } = this.#options
    return { agentId, ...(terminalId !== undefined && { terminalId }) }
  }

  /** Types input. Input in flight when the connection breaks resolves with `disconnected` and is never typed twice. */
  input(data: string): Promise<RequestResult> {
    return this.#port.request('terminal:input', { ...this.#shown(), data, inputSeq: this.#port.nextInputSeq() })
  }

  /**
   * Sends piped input: bytes at an offset from its start. Bytes sent again count once. `onTaken` reports how far the
   * program has read.
   */
  pipe(bytes: Uint8Array, { offset, eof }: { offset: number; eof: boolean }): Promise<RequestResult> {
    const input = { data: toBase64(bytes), encoding: 'base64' as const, offset, ...(eof && { eof }) }
    return this.#port.request('terminal:input', { ...this.#shown(), ...input, inputSeq: this.#port.nextInputSeq() })
  }

  resize(cols: number, rows: number): Promise<RequestResult> {
    return this.#port.request('terminal:resize', { ...this.#shown(), cols, rows })
  }

  /** Requests the screen again, because something else has changed the display that shows it. */
  refresh(): void {
    if (this.#isWhole || !this.#hasScreen) return
    this.#hasScreen = false
    this.open()
  }

  close(): void {
    this.#life?.cancel()
    this.#port.send('terminal:close', { ...this.target, ...this.#mode() })
  }

  /** There will be no further connection. */
  stop(): void {
    this.#life?.cancel()
  }

  /** Called on every new socket. The server responds with a snapshot, then bytes; for `whole`, only bytes. */
  open(): void {
    const answers = this.#options.answers && { answers: true }
    const from = this.#isWhole && { from: this.#buffer.end }
    if (this.#isWhole) this.#live()
    this.#acked = this.#drawn
    this.#port.send('terminal:open', { ...this.target, ...this.#mode(), ...answers, ...from })
  }

  shows({ agentId, terminalId }: { agentId: string; terminalId: string }): boolean {
    return agentId === this.agentId && terminalId === this.terminalId
  }

  /** `isNamed`: some view was opened with this terminal id, so the screen is meant for that one. */
  follows({ agentId, terminalId }: { agentId: string; terminalId: string }, isNamed: boolean): boolean {
    if (agentId !== this.agentId) return false
    if (this.#options.terminalId !== undefined) return terminalId === this.#options.terminalId
    return !isNamed || this.#shownId === undefined || this.#shownId === terminalId
  }

  snapshot(snapshot: TerminalSnapshot): void {
    if (this.#isWhole) return
    const isSame = this.#hasScreen && this.#shownId === snapshot.terminalId && this.#options.mode !== 'snapshot'
    const isShown = isSame && snapshot.offset === this.#buffer.end
    this.#shownId = snapshot.terminalId
    this.#acked = snapshot.offset
    this.#drawn = snapshot.offset
    this.#buffer.answerFrom(snapshot.answersFrom)
    // Nothing was missed: redrawing the screen would only make it flicker.
    if (isShown) return
    this.#hasScreen = true
    this.#buffer.reset(snapshot.offset)
    this.#call(() => this.#options.onSnapshot?.(snapshot))
  }

  output(chunk: ServerPayloads['terminal:output']): void {
    // Before the first screen there is nothing to add the bytes to; the next snapshot includes them.
    if (!this.#hasScreen) return
    const step = this.#buffer.push(chunk)
    switch (step.kind) {
      case 'known':
        return
      case 'hole':
        this.#hasScreen = this.#isWhole
        this.open()
        return
      case 'bytes': {
        const until = step.offset + step.bytes.length
        const info = step.gap === undefined ? { offset: step.offset } : { offset: step.offset, gap: step.gap }
        const shown = this.#call(() => this.#options.onOutput?.(step.bytes, info))
        if (shown instanceof Promise) shown.then(() => this.#ack(until), this.#threw)
        else this.#ack(until)
        return
      }
      default:
        step satisfies never
    }
  }

  resized({ cols, rows }: { cols: number; rows: number }): void {
    this.#call(() => this.#options.onResize?.({ cols, rows }))
  }

  taken(offset: number): void {
    this.#call(() => this.#options.onTaken?.(offset))
  }

  exited({ exitCode, signal }: ServerPayloads['terminal:exit']): void {
    const exit = { ...(exitCode !== undefined && { exitCode }), ...(signal !== undefined && { signal }) }
    this.#call(() => this.#options.onExit?.(exit))
  }

  refused(error: WireError): void {
    this.#call(() => this.#options.onError?.(error))
  }

  #ack(offset: number): void {
    this.#drawn = Math.max(this.#drawn, offset)
    if (this.#drawn - this.#acked >= (this.#isWhole ? WHOLE_ACK_EVERY_BYTES : ACK_EVERY_BYTES)) this.#sendAck()
  }

  #sendAck(): void {
    this.#acked = this.#drawn
    this.#port.send('terminal:ack', { ...this.#shown(), offset: this.#drawn })
  }

  #live(): void {
    this.#life?.cancel()
    this.#life = this.#port.clock.setTimeout(() => {
      this.#sendAck()
      this.#live()
    }, SIGN_OF_LIFE_MS)
  }

  get #isWhole(): boolean {
    return this.#options.mode === 'whole'
  }

  #shown(): { agentId: string; terminalId?: string } {
    return this.#shownId === undefined ? this.target : { agentId: this.agentId, terminalId: this.#shownId }
  }

  #mode() {
    return this.#options.mode === undefined ? {} : { mode: this.#options.mode }
  }

  readonly #threw = (error: unknown): undefined => {
    this.#port.log('error', 'a terminal handler threw', { error: messageOf(error) })
  }

  #call<T>(callback: () => T): T | undefined {
    try {
      return callback()
    } catch (error) {
      return this.#threw(error)
    }
  }
}
