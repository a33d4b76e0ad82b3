import type { Clock } from '../clock.ts'
import type { Activity, SessionProcesses } from './session-processes.ts'

/** For so long a process must have done nothing. */
const CALM_MS = 100
/** One that computes for longer has not just been forked. */
const BUSY_TICKS = 30
const LONGEST_MS = 3000

/**
 * Whether those who were left behind have come to where they stay. `setsid program &` is a child of the shell that has
 * yet to leave the session when the shell ends, and on a busy machine it is late: it is judged by what it does, not by
 * its age alone.
 */
export class Settling {
  readonly #processes: SessionProcesses
  readonly #clock: Clock
  readonly #since: number
  readonly #seen = new Map<number, { activity: Activity; since: number; firstTicks: number }>()

  constructor(processes: SessionProcesses, clock: Clock) {
    this.#processes = processes
    this.#clock = clock
    this.#since = clock.monotonic()
  }

  /** To be asked again and again. */
  isOver(): boolean {
    const now = this.#clock.monotonic()
    if (process.platform !== 'linux') return now - this.#since >= CALM_MS
    let over = true
    for (const [pid, activity] of this.#processes.activity()) {
      const before = this.#seen.get(pid)
      const firstTicks = before?.firstTicks ?? activity.cpuTicks
      const same = before !== undefined && activity.asleep && sameActivity(activity, before.activity)
      const since = same ? before.since : now
      this.#seen.set(pid, { activity, since, firstTicks })
      if (now - since < CALM_MS && activity.cpuTicks - firstTicks < BUSY_TICKS) over = false
    }
    return over || now - this.#since >= LONGEST_MS
  }
}

const sameActivity = (a: Activity, b: Activity) =>
  a.asleep === b.asleep && a.sleeps === b.sleeps && a.cpuTicks === b.cpuTicks
