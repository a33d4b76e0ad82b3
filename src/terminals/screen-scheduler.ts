import type { Clock } from '../clock.ts'
import { asciicast, type Cast } from './asciicast.ts'
import { CHUNK_BYTES, Screen } from './screen.ts'
import type { FromDrawer, GivenUp, ReadingName, ToDrawer } from './screen-messages.ts'

/** How long the thread works on one screen before it switches to another. */
const SLICE_MS = 8
/** A screen is too expensive if it is slower than this over this much drawing time. Plain text is 50 times as fast. */
const JUDGED_MS = 1000
const SLOWEST_BYTES_PER_MS = 256

type Drawing = { type: 'draw'; offset: number; bytes: Uint8Array; answer: number[] }
type Reading = { type: 'read'; call: number; what: ReadingName; scrollback?: number | undefined }
type Task = Drawing | Reading | { type: 'resize'; cols: number; rows: number }

/** A screen and its pending work. */
interface Drawn {
  kind: 'screen'
  id: number
  owner: Owner
  screen: Screen
  /** Closed or given up. It is disposed of once its current step ends. */
  isClosed: boolean
  tasks: Task[]
  /** Time and bytes since the last cost check. */
  spentMs: number
  drawnBytes: number
}

interface Recording {
  kind: 'cast'
  owner: Owner
  call: number
  cast: Cast
}

type Job = Drawn | Recording

/** An agent. The owner with the least time used gets the next slice, however many terminals the others have. */
interface Owner {
  hadMs: number
  ready: Set<Job>
}

export interface SchedulerOptions {
  clock: Pick<Clock, 'monotonic'>
  post(message: FromDrawer, transfer?: ArrayBuffer[]): void
  /** Called before each step with the step's screen (0 for a recording). */
  onStep(screen: number): void
}

/**
 * Shares one thread among all screens, in small steps and time slices. A screen whose output causes too much work is
 * given up.
 */
export class ScreenScheduler {
  readonly #options: SchedulerOptions
  readonly #drawn = new Map<number, Drawn>()
  readonly #owners = new Map<string, Owner>()
  readonly #ready = new Set<Owner>()
  #current: Drawn | undefined
  #isRunning = false
  #leastMs = 0

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  get #now(): number {
    return this.#options.clock.monotonic()
  }

  receive(message: ToDrawer): void {
    switch (message.type) {
      case 'open':
        this.#open(message)
        return
      case 'cast':
        this.#enqueue({ ...message, kind: 'cast', owner: this.#owner(message.owner) })
        return
      case 'close':
        this.#close(message.screen)
        return
      default: {
        const drawn = this.#drawn.get(message.screen)
        if (drawn) {
          drawn.tasks.push(message)
          if (drawn !== this.#current) this.#enqueue(drawn)
        } else if (message.type === 'read') this.#refuse(message)
      }
    }
  }

  /** Handles an error thrown in one of xterm's timers. It belongs to the screen that is being drawn. */
  fail(error: unknown): void {
    if (!this.#current) throw error
    this.#giveUp(this.#current, 'failed', error)
    this.#endSlice()
  }

  #open({ screen: id, owner, offset, cols, rows }: ToDrawer & { type: 'open' }): void {
    const rest = { isClosed: false, tasks: [], spentMs: 0, drawnBytes: 0 }
    const screen = new Screen({ cols, rows }, offset)
    this.#drawn.set(id, { kind: 'screen', id, owner: this.#owner(owner), screen, ...rest })
  }

  #owner(id: string): Owner {
    let owner = this.#owners.get(id)
    if (!owner) {
      owner = { hadMs: this.#leastMs, ready: new Set() }
      this.#owners.set(id, owner)
    }
    return owner
  }

  #close(id: number): void {
    const drawn = this.#drawn.get(id)
    if (!drawn) return
    this.#drop(drawn)
    // The current screen is in use until its step ends.
    if (drawn !== this.#current) drawn.screen.dispose()
  }

  #drop(drawn: Drawn): void {
    this.#drawn.delete(drawn.id)
    drawn.isClosed = true
    for (const task of drawn.tasks) if (task.type === 'read') this.#refuse(task)
    drawn.tasks = []
    drawn.owner.ready.delete(drawn)
    if (drawn.owner.ready.size === 0) this.#ready.delete(drawn.owner)
    if (this.#drawn.size === 0) this.#owners.clear()
  }

  #giveUp(drawn: Drawn, reason: GivenUp, cause: unknown): void {
    this.#drop(drawn)
    const message = cause instanceof Error ? cause.message : String(cause)
    this.#options.post({ type: 'givenUp', screen: drawn.id, reason, message })
  }

  #enqueue(job: Job): void {
    const { owner } = job
    // An owner does not accumulate credit while it is idle.
    if (owner.ready.size === 0) owner.hadMs = Math.max(owner.hadMs, this.#leastMs)
    owner.ready.add(job)
    this.#ready.add(owner)
    if (this.#isRunning) return
    this.#isRunning = true
    setImmediate(() => this.#next())
  }

  #next(): void {
    let owner: Owner | undefined
    for (const each of this.#ready) if (!owner || each.hadMs < owner.hadMs) owner = each
    const [job] = owner?.ready ?? []
    if (!owner || !job) {
      this.#isRunning = false
      return
    }
    this.#leastMs = owner.hadMs
    owner.ready.delete(job)
    if (owner.ready.size === 0) this.#ready.delete(owner)
    if (job.kind === 'cast') this.#record(job)
    else {
      this.#current = job
      // The slice is measured from xterm's callback on, since xterm's timers may be late.
      job.screen.begin(() => this.#work(job, this.#now))
    }
  }

  #record({ owner, call, cast }: Recording): void {
    const since = this.#now
    this.#options.onStep(0)
    this.#reply(call, encode(asciicast(cast)))
    owner.hadMs += this.#now - since
    this.#endSlice()
  }

  /** Runs steps of one screen until its slice is over. */
  #work(drawn: Drawn, since: number): void {
    for (;;) {
      const task = drawn.tasks[0]
      const at = this.#now
      if (!task || at - since > SLICE_MS) {
        this.#endSlice()
        return
      }
      this.#options.onStep(drawn.id)
      if (task.type === 'draw') {
        this.#draw(drawn, task, bytes => {
          this.#spend(drawn, this.#now - at, bytes)
          this.#work(drawn, since)
        })
        return
      }
      drawn.tasks.shift()
      try {
        if (task.type === 'resize') drawn.screen.resize(task)
        else this.#read(drawn, task)
      } catch (error) {
        this.#giveUp(drawn, 'failed', error)
      }
      // Reads do not count as expensive: they are limited elsewhere, and many reads are legitimate.
      if (task.type === 'resize') this.#spend(drawn, this.#now - at, 0)
      else drawn.owner.hadMs += this.#now - at
    }
  }

  #draw(drawn: Drawn, task: Drawing, done: (bytes: number) => void): void {
    const { offset, bytes } = task
    while (task.answer[0] !== undefined && task.answer[0] <= offset) task.answer.shift()
    const query = task.answer[0] ?? Number.POSITIVE_INFINITY
    const length = Math.min(bytes.length, CHUNK_BYTES, query - offset)
    const isAsked = query === offset + length
    if (isAsked) task.answer.shift()
    task.offset += length
    task.bytes = bytes.subarray(length)
    const isDone = task.bytes.length === 0
    if (isDone) drawn.tasks.shift()
    drawn.screen.draw(offset, bytes.subarray(0, length), answer => {
      const { screen, id, isClosed } = drawn
      if (!isClosed && isAsked && answer !== '') this.#options.post({ type: 'answer', screen: id, data: answer })
      if (!isClosed && screen.isTooExpensive) this.#giveUp(drawn, 'too_expensive', 'its control sequences')
      else if (isDone) this.#options.post({ type: 'drawn', screen: id, end: screen.end, cells: screen.cells })
      done(length)
    })
  }

  #read(drawn: Drawn, task: Reading): void {
    const { screen } = drawn
    const value = task.what === 'text' ? encode(screen.text()) : screen.state(task.scrollback)
    this.#reply(task.call, value)
    if (!value) this.#giveUp(drawn, 'too_expensive', 'its screen takes too long to serialize')
  }

  #reply(call: number, value: (FromDrawer & { type: 'reply' })['value']): void {
    this.#options.post(
      { type: 'reply', call, value },
      value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : undefined,
    )
  }

  #refuse({ call }: Reading): void {
    this.#reply(call, undefined)
  }

  #spend(drawn: Drawn, spentMs: number, bytes: number): void {
    drawn.owner.hadMs += spentMs
    drawn.spentMs += spentMs
    drawn.drawnBytes += bytes
    if (drawn.isClosed || drawn.spentMs < JUDGED_MS) return
    if (drawn.drawnBytes < drawn.spentMs * SLOWEST_BYTES_PER_MS) {
      this.#giveUp(drawn, 'too_expensive', `${drawn.drawnBytes} bytes took ${Math.round(drawn.spentMs)} ms`)
    }
    drawn.spentMs = 0
    drawn.drawnBytes = 0
  }

  #endSlice(): void {
    const drawn = this.#current
    this.#current = undefined
    if (drawn?.isClosed) drawn.screen.dispose()
    else if (drawn && drawn.tasks.length > 0) this.#enqueue(drawn)
    setImmediate(() => this.#next())
  }
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
