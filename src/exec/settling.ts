import type { Clock } from '../clock.ts'
import type { Activity, SessionProcesses } from './session-processes.ts'

/** A process that does nothing for this long has settled. */
const CALM_MS = 100
/** A process that has computed for longer than this was not just forked. */
const BUSY_TICKS = 30
const LONGEST_MS = 3000

/**
 * Decides whether the processes that the shell left behind have settled. With `setsid program &`, the shell's child may
 * not have left the session yet when the shell ends, and may take long on a busy machine. So processes are judged by
 * their activity, not by age alone.
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

  /** Called repeatedly with the current processes. */
  isOver(pids: readonly number[]): boolean {
    const now = this.#clock.monotonic()
    if (process.platform !== 'linux') return now - this.#since >= CALM_MS
    let over = true
    for (const [pid, activity] of this.#processes.activity(pids)) {
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
