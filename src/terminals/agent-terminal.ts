import type { AgentPayloads, ServerPayloads } from '@fleetwire/protocol'
import { ByteRing } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Screen, type ScreenSize, type ScreenState } from './screen.ts'
import { decodeBytes, encodeBytes } from './terminal-bytes.ts'
import { Timeline } from './timeline.ts'

/** The screen is drawn in batches of this size, so that a watched terminal does not cost a timer per frame. */
const DRAW_BYTES = 128 * 1024
/** A screen that is further behind leaves out what it cannot draw in time: only the end of a flood is ever seen. */
const DRAW_LIMIT_BYTES = 512 * 1024
/** How far behind the start of what is kept a line break is looked for, to begin a drawing there. */
const LINE_SEARCH_BYTES = 8 * 1024
const LF = 0x0a

export interface TerminalEnding {
  exitCode?: number
  signal?: string
}

type TerminalLife =
  | { status: 'live' }
  /** The agent came back without it and said nothing about its end. */
  | { status: 'vanished' }
  | { status: 'ended'; ending: TerminalEnding }

/** Something that follows a terminal: output, a new size or the end came. */
export interface TerminalFollower {
  changed(): void
}

/** What became of a frame of output. `missing`: ask the agent to send again from `from`. */
export type Received = { status: 'kept' } | { status: 'ignored' } | { status: 'missing'; from: number }

export interface DrawnState extends ScreenState {
  resizeIndex: number
}

export interface AgentTerminalOptions {
  clock: Clock
  ringBytes: number
  resendTimeoutMs: number
}

/** One terminal of an agent as the server knows it: its last bytes, their times, and while it is watched its screen. */
export class AgentTerminal {
  readonly agentId: string
  readonly terminalId: string
  readonly #options: AgentTerminalOptions
  readonly #ring: ByteRing
  readonly #timeline: Timeline
  readonly #followers = new Set<TerminalFollower>()
  #life: TerminalLife = { status: 'live' }
  /** Asked for again and not yet there; `next` is where the agent was, so a frame from there is no answer. */
  #awaited: { next: number; since: number } | undefined
  #latest: ServerPayloads['terminal:output'] | undefined
  #screen: Screen | undefined
  #drawnResize = 0
  readonly #states = new Map<
    number | undefined,
    { end: number; resizeIndex: number; state: Promise<DrawnState | undefined> }
  >()
  #readers = 0

  constructor(agentId: string, terminalId: string, size: ScreenSize, options: AgentTerminalOptions) {
    this.agentId = agentId
    this.terminalId = terminalId
    this.#options = options
    this.#ring = new ByteRing(options.ringBytes)
    this.#timeline = new Timeline(size, 0, options.clock.now())
  }

  /** How it ended, as far as that is known; nothing while it lives. */
  get ending(): TerminalEnding | undefined {
    if (this.#life.status === 'live') return undefined
    return this.#life.status === 'ended' ? this.#life.ending : {}
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
    return this.#followers.size > 0 || this.#readers > 0
  }

  /**
   * Output of the agent. What is known already is cut off. What does not join waits for the agent to send again; when
   * it then begins later, the bytes between are gone for good.
   */
  receive(frame: AgentPayloads['terminal:output']): Received {
    const { clock, resendTimeoutMs } = this.#options
    const bytes = decodeBytes(frame)
    const end = frame.offset + bytes.length
    if (frame.offset > this.end) {
      if (this.#awaited === undefined) return this.expect(end)
      const answered = frame.offset !== this.#awaited.next
      if (!answered && clock.monotonic() - this.#awaited.since < resendTimeoutMs) {
        this.#awaited.next = end
        return { status: 'ignored' }
      }
      this.#ring.reset(frame.offset)
    }
    this.#awaited = undefined
    if (end <= this.end) return { status: 'ignored' }
    if (this.#life.status === 'vanished') this.#life = { status: 'live' }
    const whole = frame.offset === this.end
    const { offset, data, encoding } = frame
    this.#latest = whole ? { agentId: this.agentId, terminalId: this.terminalId, offset, data, encoding } : undefined
    this.#timeline.mark(this.end, clock.now())
    this.#ring.append(whole ? bytes : bytes.subarray(this.end - frame.offset))
    this.#timeline.prune(this.oldest)
    this.#keepUp()
    this.#tell()
    return { status: 'kept' }
  }

  /** The agent is at `offset`, so what lies between is on its way only if it is asked for. */
  expect(offset: number): Received {
    this.#awaited = undefined
    if (offset <= this.end) return { status: 'ignored' }
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
  }

  vanish(): void {
    if (this.#life.status !== 'live') return
    this.#life = { status: 'vanished' }
    this.#tell()
  }

  /** Gives its memory back; followers go on with what comes next. */
  forget(): void {
    this.#ring.reset(this.end)
    this.#timeline.prune(this.end)
    this.#latest = undefined
  }

  follow(follower: TerminalFollower): void {
    this.#followers.add(follower)
  }

  unfollow(follower: TerminalFollower): void {
    this.#followers.delete(follower)
    this.#release()
  }

  dispose(): void {
    this.#followers.clear()
    this.#readers = 0
    this.#release()
  }

  /** A frame with the bytes from `from` up to at most `to`; one object for all viewers where they are at the same place. */
  outputFrame(from: number, to: number): ServerPayloads['terminal:output'] {
    if (this.#latest?.offset === from && to === this.end) return this.#latest
    const frame = { agentId: this.agentId, terminalId: this.terminalId, offset: from }
    return { ...frame, ...encodeBytes(this.#ring.slice(from, to)) }
  }

  bytes(from: number = this.oldest): Uint8Array {
    return this.#ring.slice(from)
  }

  /** The screen as it is now, and the change of size that it has seen; nothing when the terminal went away meanwhile. */
  screenState(scrollback?: number): Promise<DrawnState | undefined> {
    const { end } = this
    const resizeIndex = this.#timeline.size.index
    // A thousand viewers that come at once look at one drawing.
    const known = this.#states.get(scrollback)
    if (known?.end === end && known.resizeIndex === resizeIndex) return known.state
    const state = this.#reading(async screen => {
      const drawnResize = this.#drawnResize
      const drawn = await screen.state(scrollback)
      return drawn && { ...drawn, resizeIndex: drawnResize }
    })
    this.#states.set(scrollback, { end, resizeIndex, state })
    return state
  }

  async screenText(): Promise<string | undefined> {
    return this.#reading(screen => screen.text())
  }

  /** Brings the screen up to now, and holds it while it is read. */
  async #reading<T>(read: (screen: Screen) => Promise<T | undefined>): Promise<T | undefined> {
    this.#readers++
    try {
      let screen = this.#draw()
      if (screen.end < this.end) {
        await screen.drained()
        if (screen !== this.#screen) return undefined
        screen = this.#draw()
      }
      return await read(screen)
    } finally {
      this.#readers = Math.max(0, this.#readers - 1)
      this.#release()
    }
  }

  #keepUp(): void {
    if (this.#screen && this.end - this.#screen.end >= DRAW_BYTES && this.#screen.backlogBytes < DRAW_LIMIT_BYTES) {
      this.#draw()
    }
  }

  /** Feeds the screen what it has not seen, unless the parser has enough to do. */
  #draw(): Screen {
    const fresh = this.#screen === undefined
    const screen = this.#screen ?? this.#newScreen()
    if (screen.backlogBytes >= DRAW_LIMIT_BYTES) return screen
    const behind = !fresh && this.end - screen.end > DRAW_LIMIT_BYTES
    let from = behind ? this.#lineAfter(this.end - DRAW_BYTES) : Math.max(screen.end, this.oldest)
    for (;;) {
      const resize = this.#timeline.resizeAfter(this.#drawnResize)
      const to = resize ? Math.max(resize.offset, from) : this.end
      if (to > from) screen.feed(from, this.#ring.slice(from, to))
      from = to
      if (!resize) return screen
      screen.resize(resize)
      this.#drawnResize = resize.index
    }
  }

  #newScreen(): Screen {
    const size = this.#timeline.firstSize
    this.#drawnResize = size.index
    this.#screen = new Screen(size, this.oldest === 0 ? 0 : this.#lineAfter(this.oldest))
    return this.#screen
  }

  /** The start of the first line after `from`, or `from` where no line break is near. */
  #lineAfter(from: number): number {
    const at = this.#ring.slice(from, from + LINE_SEARCH_BYTES).indexOf(LF)
    return at < 0 ? from : from + at + 1
  }

  #tell(): void {
    for (const follower of [...this.#followers]) follower.changed()
  }

  #release(): void {
    if (this.watched) return
    this.#screen?.dispose()
    this.#screen = undefined
    this.#states.clear()
  }
}
