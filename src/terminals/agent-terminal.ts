import { randomUUID } from 'node:crypto'
import type { AgentPayloads, ServerPayloads } from '@fleetwire/protocol'
import { ByteRing, VtScanner } from '@fleetwire/protocol'
import type { Clock, Timer } from '../clock.ts'
import { DrawnScreen, type DrawnState } from './drawn-screen.ts'
import { plainText } from './plain-text.ts'
import type { ScreenSize } from './screen.ts'
import type { ScreenHost } from './screen-host.ts'
import { decodeBytes, encodeBytes } from './terminal-bytes.ts'
import { Timeline } from './timeline.ts'

/** How much of the end of the output is shown as text when the screen is not drawn. */
const PLAIN_BYTES = 16 * 1024
/** Byte counts are not exact beyond this offset. */
const LAST_OFFSET = Number.MAX_SAFE_INTEGER

export interface TerminalEnding {
  exitCode?: number
  signal?: string
}

type TerminalLife =
  | { status: 'live' }
  /** The agent reconnected without listing the terminal, and never reported its end. */
  | { status: 'vanished' }
  | { status: 'ended'; ending: TerminalEnding }

/** Follows one terminal. */
export interface TerminalFollower {
  /** There is new output, a new size, or the terminal has ended. */
  changed(): void
  /** False if the follower needs no screen. The screen is then not drawn for it. */
  readonly isDrawn?: boolean
  /** Whether this follower was sent the query that ends at this offset and will answer it. */
  answers?(queryEnd: number): boolean
  /** A follower that answers queries must ask again from which offset on it may do so. */
  reclaim?(): void
}

/** The result for a frame of output. `missing`: ask the agent to resend from `from`. */
export type Received = { status: 'kept' } | { status: 'ignored' } | { status: 'missing'; from: number }

/** A screen, or, with `raw`, plain text in its place. */
export interface ShownState extends DrawnState {
  raw?: true
}

export interface AgentTerminalOptions {
  clock: Clock
  screens: ScreenHost
  ringBytes: number
  resendTimeoutMs: number
  /** The screen answered a query: type `data` into the program. */
  onAnswer(terminal: AgentTerminal, data: string): void
  /** The first follower came, or the last one left. */
  onWatched?(terminal: AgentTerminal): void
  /** A follower here wants to answer queries. Resolves when the active node has replied through `grantAnswers`. */
  onClaim?(terminal: AgentTerminal): Promise<void>
  /** No follower here wants to answer queries any more. */
  onUnclaim?(terminal: AgentTerminal): void
}

/** The queries that end after `from`, up to and including `to`. */
interface AnswerRange {
  from: number
  to: number
}

/** Distinguishes two terminals of one agent that have the same id. */
export interface TerminalIdentity {
  /** Identifies the run of the agent's program that the terminal belongs to. */
  bootId?: string | undefined
  /** Generated when the terminal began; the same on all nodes that mirror it. */
  mark: string
}

/**
 * `decided`: this node is in charge of the terminal. `mirrored`: the active node is. It sends the output in order,
 * leaving out lost bytes, and answers queries unless it grants them to this node.
 */
export type TerminalPlace = 'decided' | 'mirrored'

/** One terminal of an agent as the server knows it: its last bytes, their times, and a screen while one is needed. */
export class AgentTerminal {
  readonly agentId: string
  readonly terminalId: string
  readonly #options: AgentTerminalOptions
  readonly #ring: ByteRing
  readonly #timeline: Timeline
  readonly #screen: DrawnScreen
  readonly #followers = new Set<TerminalFollower>()
  readonly #scanner: VtScanner
  #queries: number[] = []
  #life: TerminalLife = { status: 'live' }
  /**
   * A resend that was requested and has not arrived. `next` is the agent's position at that time: a frame that starts
   * there is new output, not the resend.
   */
  #awaited: { next: number; since: number } | undefined
  #giveUp: Timer | undefined
  #latest: ServerPayloads['terminal:output'] | undefined
  readonly #states = new Map<
    number | undefined,
    { end: number; resizeIndex: number; state: Promise<ShownState | undefined> }
  >()
  /** The active node has more output, which is on its way. Screens wait for it. */
  #arrival: { promise: Promise<void>; arrived: () => void } | undefined
  /** Queries of a mirrored terminal that are answered here. */
  #granted: AnswerRange[] = []
  /** Queries up to this offset were answered before this node took charge of the terminal. */
  #answeredTo = 0
  /** A terminal on the agent's side answers the queries. */
  isLocal = false
  identity: TerminalIdentity
  place: TerminalPlace = 'decided'

  constructor(
    { agentId, terminalId, identity }: { agentId: string; terminalId: string; identity?: TerminalIdentity | undefined },
    size: ScreenSize,
    options: AgentTerminalOptions,
  ) {
    this.agentId = agentId
    this.terminalId = terminalId
    this.identity = identity ?? { mark: randomUUID() }
    this.#options = options
    this.#ring = new ByteRing(options.ringBytes)
    this.#timeline = new Timeline(size, 0, options.clock.now())
    this.#scanner = new VtScanner(0, { onQuery: end => this.#queries.push(end) })
    this.#screen = new DrawnScreen({
      owner: agentId,
      clock: options.clock,
      screens: options.screens,
      ring: this.#ring,
      timeline: this.#timeline,
      onAnswer: data => options.onAnswer(this, data),
    })
  }

  /** How the terminal ended, as far as known; undefined while it is live. */
  get ending(): TerminalEnding | undefined {
    if (this.#life.status === 'live') return undefined
    return this.#life.status === 'ended' ? this.#life.ending : {}
  }

  /**
   * Bytes before the end are still missing. The agent may report the end before it resends them, and a mirror learns of
   * the end before it has all the bytes of the active node.
   */
  get isAwaiting(): boolean {
    return this.#awaited !== undefined || this.#arrival !== undefined
  }

  /** Where the output ends, or will end once the agent has resent the missing bytes. */
  get position(): number {
    return Math.max(this.end, this.#awaited?.next ?? 0)
  }

  /** The agent reconnected without the terminal, but may still turn out to have it. */
  get isVanished(): boolean {
    return this.#life.status === 'vanished'
  }

  get timeline(): Timeline {
    return this.#timeline
  }

  get oldest(): number {
    return this.#ring.oldest
  }

  get end(): number {
    return this.#ring.end
  }

  get allocatedBytes(): number {
    return this.#ring.allocatedBytes
  }

  get watched(): boolean {
    return this.#followers.size > 0 || this.#screen.isInUse
  }

  /**
   * Takes output from the agent and skips bytes that are already known. After a gap, the agent is asked to resend. If
   * the resend still begins after the gap's start, the bytes in between are lost for good.
   */
  receive(frame: AgentPayloads['terminal:output']): Received {
    const { clock, resendTimeoutMs } = this.#options
    const bytes = decodeBytes(frame)
    const end = frame.offset + bytes.length
    if (end > LAST_OFFSET) return { status: 'ignored' }
    if (frame.offset > this.end) {
      if (this.#awaited === undefined) return this.expect(end)
      const answered = frame.offset !== this.#awaited.next
      if (!answered && clock.monotonic() - this.#awaited.since < resendTimeoutMs) {
        this.#awaited.next = end
        return { status: 'ignored' }
      }
      this.#ring.reset(frame.offset)
      this.#scanner.jump(frame.offset)
    }
    this.#awaited = undefined
    if (end <= this.end) return { status: 'ignored' }
    const whole = frame.offset === this.end
    this.#append(whole ? bytes : bytes.subarray(this.end - frame.offset), whole ? frame : undefined)
    return { status: 'kept' }
  }

  /** Takes output from the active node. Bytes between the end of the output here and `offset` are lost. */
  feed(offset: number, bytes: Uint8Array): void {
    this.#awaited = undefined
    if (offset > this.end) {
      this.#ring.reset(offset)
      this.#scanner.jump(offset)
    }
    const fresh = bytes.subarray(Math.max(0, this.end - offset))
    if (fresh.length > 0) this.#append(fresh)
  }

  #append(fresh: Uint8Array, frame?: Omit<ServerPayloads['terminal:output'], 'agentId' | 'gap'>): void {
    if (this.#life.status === 'vanished') this.#life = { status: 'live' }
    const { agentId, terminalId } = this
    this.#latest = frame && { agentId, terminalId, offset: frame.offset, data: frame.data, encoding: frame.encoding }
    this.#timeline.mark(this.end, this.#options.clock.now())
    this.#ring.append(fresh)
    this.#scanner.push(fresh)
    this.#timeline.prune(this.oldest)
    this.#tell()
    this.#screen.keepUp()
    this.#answer()
  }

  /** The agent is at `offset`. It sends the bytes before that only on request. */
  expect(offset: number): Received {
    this.#awaited = undefined
    if (offset <= this.end || offset > LAST_OFFSET) return { status: 'ignored' }
    this.#awaited = { next: offset, since: this.#options.clock.monotonic() }
    return { status: 'missing', from: this.end }
  }

  resize(size: ScreenSize): void {
    const { cols, rows } = this.#timeline.size
    if (cols === size.cols && rows === size.rows) return
    this.#timeline.resize(size, this.end, this.#options.clock.now())
    this.#tell()
  }

  exit(ending: TerminalEnding): void {
    this.#life = { status: 'ended', ending }
    this.#tell()
    if (this.#awaited === undefined) return
    // Viewers must learn of the end even if the agent never resends the missing bytes.
    this.#giveUp?.cancel()
    this.#giveUp = this.#options.clock.setTimeout(() => {
      this.#awaited = undefined
      this.#tell()
    }, this.#options.resendTimeoutMs)
  }

  vanish(): void {
    this.#awaited = undefined
    if (this.#life.status !== 'live') return
    this.#life = { status: 'vanished' }
    this.#tell()
  }

  /** The agent still has the terminal after all. */
  reappear(): void {
    if (this.#life.status === 'vanished') this.#life = { status: 'live' }
  }

  /** Makes screens wait until `arrived` is called. */
  awaitArrival(): void {
    if (this.#arrival) return
    let arrived = () => {}
    const promise = new Promise<void>(resolve => {
      arrived = resolve
    })
    this.#arrival = { promise, arrived }
  }

  arrived(): void {
    if (this.#arrival === undefined) return
    this.#arrival.arrived()
    this.#arrival = undefined
    this.#tell()
  }

  /** Frees the memory. Followers continue with the output that comes next. */
  forget(): void {
    this.#ring.reset(this.end)
    this.#timeline.prune(this.end)
    this.#latest = undefined
  }

  follow(follower: TerminalFollower): void {
    this.#followers.add(follower)
    if (follower.isDrawn !== false) this.#screen.isWatched = true
    if (this.#followers.size === 1) this.#options.onWatched?.(this)
  }

  unfollow(follower: TerminalFollower): void {
    if (!this.#followers.delete(follower)) return
    if (follower.answers && this.#answerer === undefined) this.#options.onUnclaim?.(this)
    if (this.#followers.size === 0) this.#options.onWatched?.(this)
    for (const { isDrawn } of this.#followers) if (isDrawn !== false) return
    this.#screen.isWatched = false
    this.#states.clear()
  }

  get isFollowed(): boolean {
    return this.#followers.size > 0
  }

  dispose(): void {
    this.#giveUp?.cancel()
    this.#followers.clear()
    this.arrived()
    this.#states.clear()
    this.#screen.dispose()
  }

  /** Whether `follower` answers the queries: the first follower that can does. */
  isAnswerer(follower: TerminalFollower): boolean {
    const isHere = this.place === 'decided' || this.#granted.at(-1)?.to === Number.POSITIVE_INFINITY
    return !this.isLocal && isHere && this.#answerer === follower
  }

  /** The offset after which this follower answers queries; infinity if another follower or the screen answers. */
  answersFrom(follower: TerminalFollower): number {
    if (!this.isAnswerer(follower)) return Number.POSITIVE_INFINITY
    return this.place === 'decided' ? this.end : Math.max(this.end, this.#granted.at(-1)!.from)
  }

  /** Asks the active node whether a follower here may answer. Resolves at once if this is the active node. */
  async claimAnswers(): Promise<void> {
    if (this.place === 'mirrored') await this.#options.onClaim?.(this)
  }

  /** The active node grants this node the queries after `from`, up to `to`. Without `from`, it ends a grant at `to`. */
  grantAnswers(from: number | undefined, to = Number.POSITIVE_INFINITY): void {
    const last = this.#granted.at(-1)
    if (last && last.to > to) last.to = to
    if (from !== undefined && last?.to !== Number.POSITIVE_INFINITY) this.#granted.push({ from, to })
    this.#granted = this.#granted.filter(range => range.to > this.end)
  }

  /**
   * Drops all grants and makes followers claim again: the active node may have changed, or may have answered queries.
   */
  reclaimAnswers(): void {
    this.#granted = []
    for (const follower of [...this.#followers]) follower.reclaim?.()
  }

  /** The previous active node has answered the queries up to this offset. */
  wasAnsweredTo(offset: number): void {
    this.#answeredTo = offset
  }

  /** A frame with the bytes from `from` to `to`. Viewers at the same position share one object. */
  outputFrame(from: number, to: number): ServerPayloads['terminal:output'] {
    if (this.#latest?.offset === from && to === this.end) return this.#latest
    const { agentId, terminalId } = this
    const frame = { agentId, terminalId, offset: from, ...encodeBytes(this.#ring.slice(from, to)) }
    if (to === this.end) this.#latest = frame
    return frame
  }

  bytes(from: number = this.oldest, to: number = this.end): Uint8Array {
    return this.#ring.slice(from, to)
  }

  /** The current screen, or plain text in its place; undefined if the terminal was disposed of in the meantime. */
  async screenState(scrollback?: number): Promise<ShownState | undefined> {
    while (this.#arrival) await this.#arrival.promise
    const { end } = this
    const resizeIndex = this.#timeline.size.index
    // Viewers that join at the same time share one drawing.
    const known = this.#states.get(scrollback)
    if (known?.end === end && known.resizeIndex === resizeIndex) return known.state
    const state = this.#screenState(scrollback)
    this.#states.set(scrollback, { end, resizeIndex, state })
    return state
  }

  async screenText(): Promise<Uint8Array | undefined> {
    const read = await this.#screen.read('text')
    if (read.status === 'gone') return undefined
    return read.status === 'drawn' ? read.value : new TextEncoder().encode(this.rawState().screen.replaceAll('\r', ''))
  }

  /** The end of the output as plain text in place of a screen. Cheap and always current. */
  rawState(): ShownState {
    const { index: resizeIndex, cols, rows } = this.#timeline.size
    const screen = plainText(this.#ring.slice(this.end - PLAIN_BYTES), { cols, rows })
    return { cols, rows, offset: this.end, screen, title: '', resizeIndex, raw: true }
  }

  async #screenState(scrollback?: number): Promise<ShownState | undefined> {
    const read = await this.#screen.read('state', scrollback)
    if (!this.watched) this.#states.clear()
    if (read.status === 'gone') return undefined
    return read.status === 'drawn' ? { ...read.value, resizeIndex: read.resizeIndex } : this.rawState()
  }

  get #answerer(): TerminalFollower | undefined {
    for (const follower of this.#followers) if (follower.answers) return follower
    return undefined
  }

  /** Has the screen answer the queries that no viewer's terminal answers. */
  #answer(): void {
    if (this.#queries.length === 0) return
    const queries = this.#queries
    this.#queries = []
    if (this.isLocal) return
    const answerer = this.#answerer
    this.#screen.answer(queries.filter(end => this.#isAnsweredHere(end) && !answerer?.answers?.(end)))
  }

  #isAnsweredHere(end: number): boolean {
    if (this.place === 'decided') return end > this.#answeredTo
    return this.#granted.some(({ from, to }) => end > from && end <= to)
  }

  #tell(): void {
    for (const follower of [...this.#followers]) follower.changed()
  }
}
