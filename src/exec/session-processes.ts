import { constants } from 'node:os'
import { allProcesses, hasEnded, programName, read, readStat, sleepsOf } from './proc.ts'

/** On a machine where something ends in every look, all the same. */
const MAX_LOOKS = 20

interface Member {
  pid: number
  /** What a signal for it is sent to: its group, as a negative number. */
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
  /** How often it went to sleep. */
  sleeps: number
  /** CPU time, in hundredths of a second. */
  cpuTicks: number
}

/** Is it still there, in this session or another? */
export function isAlive({ pid, startTicks }: NamedProcess): boolean {
  const stat = readStat(pid)
  return stat !== undefined && !hasEnded(stat) && stat.startTicks === startTicks
}

/**
 * The processes of one session, by the pid of its leader. On Linux all of them, also those that made a group of their
 * own in it as `timeout` does; elsewhere the leader's group. Who left the session (setsid) is not among them.
 */
export class SessionProcesses {
  readonly #leader: number

  constructor(leader: number) {
    this.#leader = leader
  }

  /** Those that ended and were not waited for by anybody do not count. */
  isAlive(): boolean {
    return this.#members().length > 0
  }

  leaderIsAlive(): boolean {
    return this.#members().some(({ pid }) => pid === this.#leader)
  }

  /** Who they are, for people; without names where the system does not tell them. */
  named(): NamedProcess[] {
    if (process.platform !== 'linux') return []
    return this.pids().map(pid => ({ pid, name: programName(pid), startTicks: readStat(pid)?.startTicks ?? 0 }))
  }

  /**
   * What each of them has done so far. One that does nothing between two looks has come to where it stays: asleep, or
   * stopped. Just forked ones do not look like that: they are on their way to another program, maybe another session.
   */
  activity(): Map<number, Activity> {
    if (process.platform !== 'linux') return new Map()
    return new Map(
      this.pids().flatMap(pid => {
        const stat = readStat(pid)
        if (stat === undefined) return []
        return [[pid, { asleep: 'ST'.includes(stat.state), sleeps: sleepsOf(pid), cpuTicks: stat.cpuTicks }]]
      }),
    )
  }

  signal(signal: NodeJS.Signals): void {
    for (const target of new Set(this.#members().map(({ target }) => target))) send(target, signal)
  }

  pids(): number[] {
    return this.#members().map(({ pid }) => pid)
  }

  /** Sends it again to those of `pids` who live though it should have ended them: it did not reach them. Linux only. */
  signalAgain(signal: NodeJS.Signals, pids: readonly number[]): void {
    if (process.platform !== 'linux') return
    const alive = new Set(this.pids())
    for (const pid of pids) if (alive.has(pid) && takesDefault(pid, signal)) send(pid, signal)
  }

  #members(): Member[] {
    if (process.platform !== 'linux') {
      return send(-this.#leader, 0) ? [{ pid: this.#leader, target: -this.#leader }] : []
    }
    // One that forks and ends between the list and the look hides its child. Nobody is there only if nobody has just ended.
    const ended = new Set<number>()
    for (let looks = 1; ; looks++) {
      const { members, unsure } = this.#look(ended)
      if (members.length > 0 || !unsure || looks === MAX_LOOKS) return members
    }
  }

  /** `ended`: those of the session that are known to have ended, and who are found to be. */
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
        // Just forked, it has no session of its own yet, and its group is ours.
        members.push({ pid, target: pid })
      }
    }
    return { members, unsure }
  }
}

/** Neither caught nor ignored. */
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
    // It ended meanwhile, or it runs as somebody else (sudo): then it is there and cannot be told.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
