import type { Clock, Timer } from '../../../src/clock.ts'

const EPOCH_MS = 1_700_000_000_000

interface Due {
  at: number
  order: number
  callback: (() => void) | undefined
}

/** Simulated time: callbacks run when they are due, in order. */
export class SimulatedTime {
  #at = 0
  #order = 0
  /** A binary heap, with the next callback first. */
  readonly #heap: Due[] = []

  /** Milliseconds since the start. */
  get at(): number {
    return this.#at
  }

  after(ms: number, callback: () => void): Timer {
    const due: Due = { at: this.#at + Math.max(0, ms), order: this.#order++, callback }
    this.#push(due)
    return {
      cancel: () => {
        due.callback = undefined
      },
    }
  }

  /** Runs the next callback due by `until`. Returns false if there is none, and moves the time to `until`. */
  next(until: number): boolean {
    for (let due = this.#heap[0]; due !== undefined && due.at <= until; due = this.#heap[0]) {
      this.#pop()
      if (due.callback === undefined) continue
      this.#at = due.at
      due.callback()
      return true
    }
    this.#at = Math.max(this.#at, until)
    return false
  }

  #push(due: Due): void {
    const heap = this.#heap
    let i = heap.push(due) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(due, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
  }
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

interface ProcessTimer {
  dueAt: number
  callback: () => void
  everyMs: number | undefined
  armed: Timer | undefined
}

/** How a process is paused: `stopped` as by SIGSTOP; `suspended` with its machine, whose monotonic clock stops too. */
export type Pause = 'stopped' | 'suspended'

/** The clocks of one process, and everything that reaches it. The process can be paused or dead. */
export class ProcessClock implements Clock {
  /** The error of its wall clock, ms. */
  skewMs = 0
  readonly #time: SimulatedTime
  /** How many milliseconds its monotonic clock counts per millisecond. */
  readonly #rate: number
  readonly #timers = new Set<ProcessTimer>()
  #stoodMs = 0
  #paused: { kind: Pause; at: number; received: (() => void)[] } | undefined
  #isDead = false

  constructor(time: SimulatedTime, { skewMs = 0, rate = 1 } = {}) {
    this.#time = time
    this.skewMs = skewMs
    this.#rate = rate
  }

  get isPaused(): boolean {
    return this.#paused !== undefined
  }

  get isDead(): boolean {
    return this.#isDead
  }

  now(): number {
    return Math.round(EPOCH_MS + this.#time.at + this.skewMs)
  }

  monotonic(): number {
    return (this.#time.at - this.#stoodMs) * this.#rate
  }

  setTimeout = (callback: () => void, ms: number): Timer => this.#add(callback, ms, undefined)
  setInterval = (callback: () => void, ms: number): Timer => this.#add(callback, ms, ms)

  /** Delivers something after `ms`. A paused process takes it later, after its overdue timers. */
  receive(ms: number, callback: () => void): void {
    this.#time.after(ms, () => {
      if (this.#isDead) return
      if (this.#paused === undefined) callback()
      else this.#paused.received.push(callback)
    })
  }

  pause(kind: Pause): void {
    if (this.#paused !== undefined || this.#isDead) return
    this.#paused = { kind, at: this.#time.at, received: [] }
    for (const timer of this.#timers) timer.armed?.cancel()
  }

  resume(): void {
    const paused = this.#paused
    if (paused === undefined || this.#isDead) return
    this.#paused = undefined
    const stoodMs = this.#time.at - paused.at
    if (paused.kind === 'suspended') {
      this.#stoodMs += stoodMs
      for (const timer of this.#timers) timer.dueAt += stoodMs
    }
    for (const timer of [...this.#timers].sort((a, b) => a.dueAt - b.dueAt)) this.#arm(timer)
    for (const callback of paused.received) this.receive(0, callback)
  }

  /** Stops everything in the process for good. */
  kill(): void {
    this.#isDead = true
    for (const timer of this.#timers) timer.armed?.cancel()
    this.#timers.clear()
  }

  #add(callback: () => void, ms: number, everyMs: number | undefined): Timer {
    if (this.#isDead) return { cancel() {} }
    // Like Node's timers, never immediately.
    const timer: ProcessTimer = {
      dueAt: this.#time.at + Math.max(1, ms) / this.#rate,
      callback,
      everyMs,
      armed: undefined,
    }
    this.#timers.add(timer)
    if (this.#paused === undefined) this.#arm(timer)
    return {
      cancel: () => {
        timer.armed?.cancel()
        this.#timers.delete(timer)
      },
    }
  }

  #arm(timer: ProcessTimer): void {
    timer.armed = this.#time.after(timer.dueAt - this.#time.at, () => {
      if (timer.everyMs === undefined) this.#timers.delete(timer)
      else {
        timer.dueAt = this.#time.at + timer.everyMs / this.#rate
        this.#arm(timer)
      }
      timer.callback()
    })
  }
}
