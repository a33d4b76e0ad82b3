import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../clock.ts'
import type { Cast } from './asciicast.ts'
import type { ScreenSize } from './screen.ts'
import {
  CURRENT,
  type FromDrawer,
  type ReadingName,
  type Readings,
  STEPS,
  sharedNumbers,
  type ToDrawer,
} from './screen-messages.ts'

/** Limit of cells of all screens, at about 12 bytes each. Beyond it, the least recently drawn screens are dropped. */
const MAX_CELLS = 16_000_000
/** A thread that has work but starts no step for this long hangs. A step takes milliseconds. */
const HANG_MS = 2000
const LOOKS_PER_HANG = 8
/** After this many deaths of the thread within a period, nothing is drawn for a while, since the cause is unknown. */
const MAX_DEATHS = 5
const DEATHS_WITHIN_MS = 60_000
const REST_MS = 10_000
/** Heap limit of the thread. The cell limit does not cover combining marks. */
const MAX_HEAP_MB = 512

/** The part of `Worker` that is used here. */
export type DrawingThread = Pick<Worker, 'postMessage' | 'on' | 'terminate' | 'unref'>

export interface ScreenHostOptions {
  clock: Clock
  /** The thread died, the thread hung and was terminated, or drawing a screen failed. Reported nowhere else. */
  onFault(error: Error): void
  /** A screen was given up because what its agent sent costs too much. */
  onTooExpensive(why: string): void
  hangMs?: number
  maxCells?: number
  /** Starts the drawing thread, which counts its steps in `shared`. */
  startThread?(shared: Int32Array): DrawingThread
}

/** How a screen ended. `lost`: it may be drawn again. `givenUp`: it is too expensive, or drawing it failed. */
export type ScreenEnd = 'lost' | 'givenUp'

export interface ScreenEvents {
  /** Everything that was fed is drawn. */
  drawn(): void
  /** The terminal's answer to a query that it had to answer, to be typed into the program. */
  answer(data: string): void
}

export type Read<T> = { status: 'ok'; value: T } | { status: ScreenEnd }

interface Call {
  screen: number
  settle(read: Read<Readings[ReadingName]>): void
}

/**
 * The screens of all terminals. They are drawn in a separate thread, so that no output can block this one. The thread
 * is started on demand, watched, and replaced when it dies or hangs. The screen that it was working on is then given
 * up; the others are lost and can be redrawn from the kept output.
 */
export class ScreenHost {
  readonly #options: ScreenHostOptions
  readonly #screens = new Map<number, RemoteScreen>()
  readonly #calls = new Map<number, Call>()
  #thread: DrawingThread | undefined
  #shared = sharedNumbers()
  #watch: Timer | undefined
  #stepsSeen = 0
  #idleLooks = 0
  #cells = 0
  #number = 0
  #deaths: number[] = []
  #restUntil = Number.NEGATIVE_INFINITY

  constructor(options: ScreenHostOptions) {
    this.#options = options
  }

  /** Opens an empty screen. All screens of an `owner` share that owner's time slices. */
  open(owner: string, size: ScreenSize, offset: number, events: ScreenEvents): RemoteScreen {
    const id = ++this.#number
    const screen = new RemoteScreen(id, offset, events, this.#port)
    if (this.#options.clock.monotonic() < this.#restUntil) {
      screen.end('givenUp')
      return screen
    }
    this.#screens.set(id, screen)
    this.#send({ type: 'open', screen: id, owner, offset, ...size })
    return screen
  }

  /** Encodes a recording, as UTF-8; undefined if that failed twice. */
  async cast(owner: string, cast: Cast): Promise<Uint8Array | undefined> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const read = await this.#call<Uint8Array>(0, call => ({ type: 'cast', call, owner, cast }))
      if (read.status === 'ok') return read.value
    }
    return undefined
  }

  /** Idempotent. A screen that is opened later starts the thread again. */
  async stop(): Promise<void> {
    const thread = this.#thread
    this.#down()
    await thread?.terminate()
  }

  readonly #port: RemotePort = {
    send: message => this.#send(message),
    read: (screen, message) => this.#call(screen, call => ({ ...message, call })),
    close: screen => {
      const known = this.#screens.get(screen)
      if (!known) return
      this.#screens.delete(screen)
      this.#cells -= known.cells
      this.#send({ type: 'close', screen })
    },
  }

  #call<T extends Readings[ReadingName]>(screen: number, message: (call: number) => ToDrawer): Promise<Read<T>> {
    return new Promise(resolve => {
      const call = ++this.#number
      this.#calls.set(call, { screen, settle: read => resolve(read as Read<T>) })
      this.#send(message(call))
    })
  }

  #send(message: ToDrawer): void {
    this.#thread ??= this.#start()
    if (message.type === 'draw') this.#thread.postMessage(message, [message.bytes.buffer as ArrayBuffer])
    else this.#thread.postMessage(message)
    this.#guard()
  }

  #start(): DrawingThread {
    const { startThread = startWorker } = this.#options
    this.#shared = sharedNumbers()
    const thread = startThread(this.#shared)
    const ifCurrent =
      <A>(act: (argument: A) => void) =>
      (argument: A) => {
        if (thread === this.#thread) act(argument)
      }
    thread.on(
      'message',
      ifCurrent((message: FromDrawer) => this.#receive(message)),
    )
    thread.on(
      'error',
      ifCurrent((error: Error) => this.#died(error.message)),
    )
    thread.on(
      'exit',
      ifCurrent(() => this.#died('it ended')),
    )
    // The thread need not keep the process alive.
    thread.unref()
    return thread
  }

  #receive(message: FromDrawer): void {
    switch (message.type) {
      case 'drawn': {
        const screen = this.#screens.get(message.screen)
        if (!screen) return
        this.#cells += message.cells - screen.cells
        // Moves the screen to the end, as the most recently drawn one.
        this.#screens.delete(message.screen)
        this.#screens.set(message.screen, screen)
        screen.wasDrawn(message.end, message.cells)
        if (this.#cells > (this.#options.maxCells ?? MAX_CELLS)) this.#evict(screen)
        return
      }
      case 'answer':
        this.#screens.get(message.screen)?.answered(message.data)
        return
      case 'reply': {
        const call = this.#calls.get(message.call)
        this.#calls.delete(message.call)
        call?.settle(message.value === undefined ? { status: 'givenUp' } : { status: 'ok', value: message.value })
        return
      }
      case 'givenUp':
        this.#end(message.screen, 'givenUp')
        if (message.reason === 'too_expensive') this.#options.onTooExpensive(message.message)
        else this.#options.onFault(new Error(`A terminal is no longer drawn: ${message.message}`))
    }
  }

  #evict(spared: RemoteScreen): void {
    for (const screen of [...this.#screens.values()]) {
      if (this.#cells <= (this.#options.maxCells ?? MAX_CELLS)) return
      if (screen === spared || screen.isBusy || screen.cells === 0) continue
      this.#port.close(screen.id)
      screen.end('lost')
    }
  }

  #end(id: number, end: ScreenEnd): void {
    const screen = this.#screens.get(id)
    if (!screen) return
    this.#screens.delete(id)
    this.#cells -= screen.cells
    screen.end(end)
  }

  // ---- the thread's life

  get #isBusy(): boolean {
    if (this.#calls.size > 0) return true
    for (const screen of this.#screens.values()) if (screen.isBusy) return true
    return false
  }

  /**
   * Checks the thread while there is work. It counts checks instead of time, so that a stall of this thread is ignored.
   */
  #guard(): void {
    if (this.#watch) return
    const { clock, hangMs = HANG_MS } = this.#options
    this.#idleLooks = 0
    this.#watch = clock.setInterval(() => this.#look(), hangMs / LOOKS_PER_HANG)
  }

  #look(): void {
    const steps = Atomics.load(this.#shared, STEPS)
    this.#idleLooks = steps === this.#stepsSeen ? this.#idleLooks + 1 : 0
    this.#stepsSeen = steps
    if (!this.#isBusy) {
      this.#watch?.cancel()
      this.#watch = undefined
      // `steps` is 0 while the thread is still starting.
    } else if (steps > 0 && this.#idleLooks >= LOOKS_PER_HANG) this.#died('it hung')
  }

  /** Gives up the screen that the thread was working on. Otherwise it would kill the next thread too. */
  #died(reason: string): void {
    const { clock, onFault } = this.#options
    const thread = this.#thread
    const culprit = Atomics.load(this.#shared, CURRENT)
    const now = clock.monotonic()
    this.#deaths = [...this.#deaths.filter(at => now - at < DEATHS_WITHIN_MS), now]
    if (this.#deaths.length >= MAX_DEATHS) this.#restUntil = now + REST_MS
    onFault(new Error(`The thread that draws terminals was replaced: ${reason}`))
    this.#down(culprit)
    thread?.terminate().catch(onFault)
  }

  #down(culprit?: number): void {
    this.#thread = undefined
    this.#watch?.cancel()
    this.#watch = undefined
    this.#cells = 0
    const calls = [...this.#calls.values()]
    const screens = [...this.#screens.values()]
    this.#calls.clear()
    this.#screens.clear()
    for (const { screen, settle } of calls) settle({ status: screen === culprit && screen !== 0 ? 'givenUp' : 'lost' })
    for (const screen of screens) screen.end(screen.id === culprit ? 'givenUp' : 'lost')
  }
}

interface RemotePort {
  send(message: ToDrawer): void
  read<K extends ReadingName>(
    screen: number,
    message: { type: 'read'; screen: number; what: K; scrollback?: number | undefined },
  ): Promise<Read<Readings[K]>>
  close(screen: number): void
}

/** This thread's handle of one screen. The drawing thread handles its messages in order. */
export class RemoteScreen {
  readonly id: number
  readonly #events: ScreenEvents
  readonly #port: RemotePort
  readonly #waiting = new Set<() => void>()
  #ended: ScreenEnd | undefined
  #fed: number
  #drawn: number
  #cells = 0

  /** Only ScreenHost calls this. */
  constructor(id: number, offset: number, events: ScreenEvents, port: RemotePort) {
    this.id = id
    this.#fed = offset
    this.#drawn = offset
    this.#events = events
    this.#port = port
  }

  /** Offset after the last byte that was fed. */
  get fed(): number {
    return this.#fed
  }

  get ended(): ScreenEnd | undefined {
    return this.#ended
  }

  get cells(): number {
    return this.#cells
  }

  get isBusy(): boolean {
    return this.#ended === undefined && this.#drawn < this.#fed
  }

  /** Takes ownership of `bytes`. `answer`: the offset after each query in them that the terminal must answer. */
  feed(offset: number, bytes: Uint8Array, answer: number[]): void {
    if (this.#ended || bytes.length === 0) return
    this.#fed = offset + bytes.length
    this.#port.send({ type: 'draw', screen: this.id, offset, bytes, answer })
  }

  resize({ cols, rows }: ScreenSize): void {
    if (!this.#ended) this.#port.send({ type: 'resize', screen: this.id, cols, rows })
  }

  /** Reads the screen after everything that was sent before is drawn. */
  read<K extends ReadingName>(what: K, scrollback?: number): Promise<Read<Readings[K]>> {
    if (this.#ended) return Promise.resolve({ status: this.#ended })
    return this.#port.read(this.id, { type: 'read', screen: this.id, what, scrollback })
  }

  /** Resolves when everything that was fed is drawn, or when the screen has ended. */
  async settled(): Promise<void> {
    if (this.isBusy) await new Promise<void>(resolve => this.#waiting.add(resolve))
  }

  dispose(): void {
    if (this.#ended) return
    this.#port.close(this.id)
    this.end('lost')
  }

  // ---- for the host

  wasDrawn(end: number, cells: number): void {
    this.#drawn = end
    this.#cells = cells
    if (this.isBusy) return
    this.#settle()
    this.#events.drawn()
  }

  answered(data: string): void {
    this.#events.answer(data)
  }

  end(end: ScreenEnd): void {
    this.#ended ??= end
    this.#settle()
  }

  #settle(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

function startWorker(shared: Int32Array): Worker {
  // Uses this file's extension: `.js` when compiled, `.ts` when Node strips types.
  const file = new URL(`./screen-worker${extname(import.meta.url)}`, import.meta.url)
  const resourceLimits = { maxOldGenerationSizeMb: MAX_HEAP_MB }
  return new Worker(file, { workerData: shared, name: 'fleetwire-screens', resourceLimits })
}
