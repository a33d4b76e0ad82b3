import type { ByteRing } from '@fleetwire/protocol'
import type { Clock, Timer } from '../clock.ts'
import type { ScreenState } from './screen.ts'
import type { Read, RemoteScreen, ScreenHost } from './screen-host.ts'
import type { ReadingName, Readings } from './screen-messages.ts'
import type { Timeline } from './timeline.ts'

/** The screen is drawn in batches of this size, so that pending bytes are buffered only once, in the ring. */
const DRAW_BYTES = 64 * 1024
/** A screen that is further behind than this skips output: only the end of a flood is worth drawing. */
const DRAW_LIMIT_BYTES = 512 * 1024
/** How much of the end of a flood is drawn. */
const FLOOD_END_BYTES = 128 * 1024
/** How far to search for a line break at which to start drawing. */
const LINE_SEARCH_BYTES = 8 * 1024
/** After this many lost screens during one read, the reader gets text instead. */
const MAX_ATTEMPTS = 3
/** How long a terminal that was too expensive is not drawn. Doubles each time, up to a maximum. */
const REST_MS = 30_000
const MAX_REST_MS = 10 * 60_000
/** How long a screen is kept after a query, since programs often send several. */
const LINGER_MS = 30_000
/** Limit of queries that wait for an answer. Further ones are ignored. */
const MAX_QUERIES = 256
const LF = 0x0a

export interface DrawnState extends ScreenState {
  /** The index of the latest resize that the screen has applied. */
  resizeIndex: number
}

/** `notDrawn`: drawing is too expensive or currently not possible. `gone`: the screen was disposed of. */
export type Drawing<T> =
  | { status: 'drawn'; value: T; resizeIndex: number }
  | { status: 'notDrawn' }
  | { status: 'gone' }

export interface DrawnScreenOptions {
  owner: string
  clock: Clock
  screens: ScreenHost
  ring: ByteRing
  timeline: Timeline
  onAnswer(data: string): void
}

/**
 * The screen of one terminal, for as long as it is needed. It is drawn from the kept output, catches up when it is
 * read, is redrawn when it is lost, and is not drawn for a while when it is too expensive.
 */
export class DrawnScreen {
  readonly #options: DrawnScreenOptions
  #screen: RemoteScreen | undefined
  #resizeIndex = 0
  /** Output up to this offset existed when the screen was opened and is never skipped. Later output may be. */
  #wholeTo = 0
  #queries: number[] = []
  #isWatched = false
  #readers = 0
  #linger: Timer | undefined
  #rest: { until: number; ms: number } | undefined
  #isDisposed = false

  constructor(options: DrawnScreenOptions) {
    this.#options = options
  }

  /** While the screen is watched, it is kept. */
  set isWatched(isWatched: boolean) {
    this.#isWatched = isWatched
    this.#release()
  }

  get isInUse(): boolean {
    return this.#readers > 0
  }

  /** The screen was given up and is not tried again yet. */
  get isResting(): boolean {
    this.#noticeEnd()
    return this.#rest !== undefined && this.#options.clock.monotonic() < this.#rest.until
  }

  /** Called after new output: draws once a whole batch is pending. */
  keepUp(): void {
    const { ring } = this.#options
    const screen = this.#screen
    if (screen && !screen.ended && !screen.isBusy && ring.end - screen.fed >= DRAW_BYTES) this.#feed(screen)
  }

  /** Has the screen answer these queries of the program, given as the offset after each. */
  answer(queries: number[]): void {
    if (queries.length === 0 || this.isResting) return
    this.#queries.push(...queries.slice(0, MAX_QUERIES - this.#queries.length))
    this.#linger?.cancel()
    this.#linger = this.#options.clock.setTimeout(() => {
      this.#linger = undefined
      this.#release()
    }, LINGER_MS)
    const screen = this.#living()
    // A busy screen is fed again when it reports that it has drawn everything.
    if (!screen.isBusy) this.#feed(screen)
  }

  /** Reads the screen once everything that has arrived so far is drawn. */
  async read<K extends ReadingName>(what: K, scrollback?: number): Promise<Drawing<Readings[K]>> {
    this.#readers++
    try {
      for (let attempt = 0; attempt < MAX_ATTEMPTS && !this.isResting; attempt++) {
        const screen = this.#living()
        await this.#catchUp(screen)
        const resizeIndex = this.#resizeIndex
        const read: Read<Readings[K]> = await screen.read(what, scrollback)
        if (read.status === 'ok') {
          this.#rest = undefined
          return { status: 'drawn', value: read.value, resizeIndex }
        }
        if (this.#isDisposed) return { status: 'gone' }
        this.#noticeEnd()
      }
      return { status: 'notDrawn' }
    } finally {
      this.#readers--
      this.#release()
    }
  }

  /** Ends the screen, even during a read. */
  dispose(): void {
    this.#isDisposed = true
    this.#isWatched = false
    this.#linger?.cancel()
    this.#linger = undefined
    this.#drop()
  }

  /** If the screen was given up as too expensive, it is not drawn for a while. */
  #noticeEnd(): void {
    if (this.#screen?.ended !== 'givenUp') return
    this.#screen = undefined
    const ms = Math.min(this.#rest ? this.#rest.ms * 2 : REST_MS, MAX_REST_MS)
    this.#rest = { until: this.#options.clock.monotonic() + ms, ms }
    this.#queries = []
  }

  async #catchUp(screen: RemoteScreen): Promise<void> {
    const target = this.#options.ring.end
    for (;;) {
      if (!screen.isBusy) this.#feed(screen)
      if (!screen.isBusy) return
      await screen.settled()
      if (screen.fed >= target) return
    }
  }

  /** Feeds the next batch of output, with resizes at their offsets. */
  #feed(screen: RemoteScreen): void {
    const { ring, timeline } = this.#options
    let from = Math.max(screen.fed, ring.oldest)
    if (from >= this.#wholeTo && ring.end - from > DRAW_LIMIT_BYTES) from = this.#lineAfter(ring.end - FLOOD_END_BYTES)
    const until = Math.min(ring.end, from + DRAW_BYTES)
    for (;;) {
      const resize = timeline.resizeAfter(this.#resizeIndex)
      const to = Math.min(until, resize ? Math.max(resize.offset, from) : until)
      if (to > from) screen.feed(from, ring.slice(from, to), this.#takeQueries(from, to))
      from = to
      if (!resize || resize.offset > to) return
      screen.resize(resize)
      this.#resizeIndex = resize.index
    }
  }

  #takeQueries(from: number, to: number): number[] {
    const taken = this.#queries.filter(end => end > from && end <= to)
    this.#queries = this.#queries.filter(end => end > to)
    return taken
  }

  #living(): RemoteScreen {
    if (this.#screen && !this.#screen.ended) return this.#screen
    const { screens, owner, ring, timeline, onAnswer } = this.#options
    const size = timeline.firstSize
    this.#resizeIndex = size.index
    this.#wholeTo = ring.end
    const offset = ring.oldest === 0 ? 0 : this.#lineAfter(ring.oldest)
    const screen: RemoteScreen = screens.open(owner, size, offset, {
      drawn: () => {
        if (screen !== this.#screen) return
        if (this.#queries.length > 0) this.#feed(screen)
        else this.keepUp()
      },
      answer: onAnswer,
    })
    this.#screen = screen
    return screen
  }

  /** The start of the first line after `from`, or `from` if there is no line break near it. */
  #lineAfter(from: number): number {
    const at = this.#options.ring.slice(from, from + LINE_SEARCH_BYTES).indexOf(LF)
    return at < 0 ? from : from + at + 1
  }

  #release(): void {
    if (!this.#isWatched && this.#readers === 0 && this.#linger === undefined) this.#drop()
  }

  #drop(): void {
    this.#screen?.dispose()
    this.#screen = undefined
    this.#queries = []
  }
}
