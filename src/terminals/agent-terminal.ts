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

/** How much of the end of the output is shown as text while a terminal is not drawn. */
const PLAIN_BYTES = 16 * 1024
/** Byte counts are not exact beyond this offset. */
const LAST_OFFSET = Number.MAX_SAFE_INTEGER

export interface TerminalEnding {
  exitCode?: number
  signal?: string
}

type TerminalLife =
  | { status: 'live' }
  /** The agent came back without the terminal and did not report its end. */
  | { status: 'vanished' }
  | { status: 'ended'; ending: TerminalEnding }

/** Follows a terminal: told of output, of a new size and of the end. */
export interface TerminalFollower {
  changed(): void
  /** False: it needs no screen, which is then not drawn for it. */
  readonly isDrawn?: boolean
  /** Was the query that ends at this offset sent to it, and will it answer? */
  answers?(queryEnd: number): boolean
  /** It answers queries, and has to find out anew from which on. */
  reclaim?(): void
}

/** What became of a frame of output. `missing`: ask the agent to send again from `from`. */
export type Received = { status: 'kept' } | { status: 'ignored' } | { status: 'missing'; from: number }

/** A screen, or with `raw` plain text in its place. */
export interface ShownState extends DrawnState {
  raw?: true
}

export interface AgentTerminalOptions {
  clock: Clock
  screens: ScreenHost
  ringBytes: number
  resendTimeoutMs: number
  /** The screen answered a query: `data` is to be typed. */
  onAnswer(terminal: AgentTerminal, data: string): void
  /** Its first follower came, or its last one left. */
  onWatched?(terminal: AgentTerminal): void
  /** Somebody would answer queries where another node decides. Resolves when that has said whether, by `grantAnswers`. */
  onClaim?(terminal: AgentTerminal): Promise<void>
  /** Nobody here would answer any more. */
  onUnclaim?(terminal: AgentTerminal): void
}

/** Queries that end after `from`, up to `to`. */
interface AnswerRange {
  from: number
  to: number
}

/** What tells two terminals of one agent apart that have the same id. */
export interface TerminalIdentity {
  /** Of the run of the agent's program that it belongs to. */
  bootId?: string | undefined
  /** Made when it began; the same on all nodes that follow it. */
  mark: string
}

/**
 * `decided`: here. `mirrored`: another node sends what it writes, in order and without what was lost, and answers its
 * queries.
 */
export type TerminalPlace = 'decided' | 'mirrored'

/** One terminal of an agent as the server knows it: its last bytes, their times, and its screen while one is needed. */
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
   * Output that was asked for again and has not arrived. `next` is where the agent was, so a frame that starts there is
   * no answer.
   */
  #awaited: { next: number; since: number } | undefined
  #giveUp: Timer | undefined
  #latest: ServerPayloads['terminal:output'] | undefined
  readonly #states = new Map<
    number | undefined,
    { end: number; resizeIndex: number; state: Promise<ShownState | undefined> }
  >()
  /** The node that decides has more of it, which is on its way: screens wait for that. */
  #arrival: { promise: Promise<void>; arrived: () => void } | undefined
  /** Those of a mirrored terminal that are answered here. */
  #granted: AnswerRange[] = []
  /** Queries up to here were answered before this node decided. */
  #answeredTo = 0
  /** The agent answers the queries itself. */
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

  /** How it ended, as far as that is known; undefined while it lives. */
  get ending(): TerminalEnding | undefined {
    if (this.#life.status === 'live') return undefined
    return this.#life.status === 'ended' ? this.#life.ending : {}
  }

  /**
   * Bytes before the agent's latest are still to come: the agent may report the end before it sends them again, and the
   * end is known here before what another node has of it.
   */
  get isAwaiting(): boolean {
    return this.#awaited !== undefined || this.#arrival !== undefined
  }

  /** Where the output ends, or will once the agent has sent again what is missing. */
  get position(): number {
    return Math.max(this.end, this.#awaited?.next ?? 0)
  }

  /** The agent came back without it, and may have it after all. */
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
   * Takes output of the agent. Bytes that are known already are skipped. After a gap, the agent is asked to send again;
   * if what it then sends begins later still, the bytes in between are lost for good.
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

  /** Takes output from the node that decides: whatever lies between it and what is here is lost. */
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

  /** The agent is at `offset`. The bytes before it are on their way only if they were asked for. */
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
    // If the agent does not send again what it was asked for, viewers must still learn of the end.
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

  /** The agent has it, after all. */
  reappear(): void {
    if (this.#life.status === 'vanished') this.#life = { status: 'live' }
  }

  /** Screens wait until `arrived`. */
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

  /** Frees its memory. Followers go on with what comes next. */
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

  /** Whether `follower` is the one that answers queries: the first of all that could. */
  isAnswerer(follower: TerminalFollower): boolean {
    const isHere = this.place === 'decided' || this.#granted.at(-1)?.to === Number.POSITIVE_INFINITY
    return !this.isLocal && isHere && this.#answerer === follower
  }

  /** Where the answers of this follower begin; infinity where another one answers, or the screen. */
  answersFrom(follower: TerminalFollower): number {
    if (!this.isAnswerer(follower)) return Number.POSITIVE_INFINITY
    return this.place === 'decided' ? this.end : Math.max(this.end, this.#granted.at(-1)!.from)
  }

  /** Asks the node that decides whether a follower here may answer; resolves at once where that is here. */
  async claimAnswers(): Promise<void> {
    if (this.place === 'mirrored') await this.#options.onClaim?.(this)
  }

  /** Queries after `from` are answered here, or no more of them than up to `to`. */
  grantAnswers(from: number | undefined, to = Number.POSITIVE_INFINITY): void {
    const last = this.#granted.at(-1)
    if (last && last.to > to) last.to = to
    if (from !== undefined && last?.to !== Number.POSITIVE_INFINITY) this.#granted.push({ from, to })
    this.#granted = this.#granted.filter(range => range.to > this.end)
  }

  /** Another node may decide by now, or has answered meanwhile. */
  reclaimAnswers(): void {
    this.#granted = []
    for (const follower of [...this.#followers]) follower.reclaim?.()
  }

  /** Whoever decided before has answered the queries up to here. */
  wasAnsweredTo(offset: number): void {
    this.#answeredTo = offset
  }

  /** A frame with the bytes from `from` up to at most `to`. Viewers at the same place share one object. */
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

  /** The screen as it is now, or text in its place; undefined if the terminal went away meanwhile. */
  async screenState(scrollback?: number): Promise<ShownState | undefined> {
    while (this.#arrival) await this.#arrival.promise
    const { end } = this
    const resizeIndex = this.#timeline.size.index
    // A thousand viewers that come at once share one drawing.
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

  /** The end of the output as plain text, in place of a screen: cheap, and always current. */
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

  /** Answers the queries that no viewer's own terminal answers. */
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
