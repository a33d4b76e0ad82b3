import { constants } from 'node:os'
import { allProcesses, hasEnded, programName, read, readStat, sleepsOf } from './proc.ts'

/** A limit, for machines on which some process ends during every scan. */
const MAX_LOOKS = 20

interface Member {
  pid: number
  /** The target of signals: the negative process group id, or the pid of a leader without its own group yet. */
  target: number
}

export interface NamedProcess {
  pid: number
  name: string
  startTicks: number
}

/** What a process has done so far. */
export interface Activity {
  asleep: boolean
  /** How often the process went to sleep. */
  sleeps: number
  /** CPU time, in hundredths of a second. */
  cpuTicks: number
}

/** Whether the process is still alive, in this session or another. */
export function isAlive({ pid, startTicks }: NamedProcess): boolean {
  const stat = readStat(pid)
  return stat !== undefined && !hasEnded(stat) && stat.startTicks === startTicks
}

/**
 * The processes of one session, given the pid of its leader. On Linux these are all processes, including those in their
 * own group, as `timeout` creates; elsewhere only the leader's group. Processes that left the session (setsid) do not
 * belong to it.
 */
export class SessionProcesses {
  readonly #leader: number

  constructor(leader: number) {
    this.#leader = leader
  }

  leaderIsAlive(): boolean {
    return this.#members().some(({ pid }) => pid === this.#leader)
  }

  /** The processes with their names, for display. Linux only; empty elsewhere. */
  named(): NamedProcess[] {
    if (process.platform !== 'linux') return []
    return this.pids().map(pid => ({ pid, name: programName(pid), startTicks: readStat(pid)?.startTicks ?? 0 }))
  }

  /**
   * What each of `pids` has done so far. A process that sleeps or is stopped and does nothing between two scans has
   * settled. A freshly forked process has not: it is about to execute another program, possibly in another session.
   * Linux only.
   */
  activity(pids: readonly number[]): Map<number, Activity> {
    if (process.platform !== 'linux') return new Map()
    return new Map(
      pids.flatMap(pid => {
        const stat = readStat(pid)
        if (stat === undefined) return []
        return [[pid, { asleep: 'ST'.includes(stat.state), sleeps: sleepsOf(pid), cpuTicks: stat.cpuTicks }]]
      }),
    )
  }

  signal(signal: NodeJS.Signals): void {
    for (const target of new Set(this.#members().map(({ target }) => target))) send(target, signal)
  }

  /** All members except zombies. */
  pids(): number[] {
    return this.#members().map(({ pid }) => pid)
  }

  /**
   * Sends the signal again to those of `pids` that are still alive and do not handle it. It should have ended them, so
   * it cannot have reached them. Linux only.
   */
  signalAgain(signal: NodeJS.Signals, pids: readonly number[]): void {
    if (process.platform !== 'linux') return
    const alive = new Set(this.pids())
    for (const pid of pids) if (alive.has(pid) && takesDefault(pid, signal)) send(pid, signal)
  }

  #members(): Member[] {
    if (process.platform !== 'linux') {
      return send(-this.#leader, 0) ? [{ pid: this.#leader, target: -this.#leader }] : []
    }
    // A process that forks and ends between listing and reading hides its child. The session is known to be empty only
    // if no process has ended since the last scan.
    const ended = new Set<number>()
    for (let looks = 1; ; looks++) {
      const { members, unsure } = this.#look(ended)
      if (members.length > 0 || !unsure || looks === MAX_LOOKS) return members
    }
  }

  /** `ended`: the session's processes known to have ended. New ones are added. */
  #look(ended: Set<number>): { members: Member[]; unsure: boolean } {
    const members: Member[] = []
    let unsure = false
    for (const pid of allProcesses()) {
      const stat = readStat(pid)
      if (stat === undefined) {
        unsure = true
      } else if (hasEnded(stat)) {
        if (stat.session !== this.#leader || ended.has(pid)) continue
        ended.add(pid)
        unsure = true
      } else if (stat.session === this.#leader) {
        members.push({ pid, target: -stat.group })
      } else if (pid === this.#leader) {
        // The leader was just forked: it has no own session yet and is still in our group.
        members.push({ pid, target: pid })
      }
    }
    return { members, unsure }
  }
}

/** Whether the process neither catches nor ignores the signal. */
function takesDefault(pid: number, signal: NodeJS.Signals): boolean {
  const status = read(`/proc/${pid}/status`)
  if (status === undefined) return false
  const masks = [...status.matchAll(/^Sig(?:Ign|Cgt):\s*([0-9a-f]+)$/gm)].map(([, mask]) => BigInt(`0x${mask}`))
  const bit = 1n << BigInt(constants.signals[signal] - 1)
  return masks.length === 2 && masks.every(mask => (mask & bit) === 0n)
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch (error) {
    // EPERM: the process exists but runs as another user (sudo), so it cannot be signalled. Otherwise it has ended.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
