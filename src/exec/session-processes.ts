import { readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'

interface Member {
  pid: number
  /** What a signal for it is sent to: its group, as a negative number. */
  target: number
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
    const members: Member[] = []
    for (const name of readdirSync('/proc')) {
      const pid = Number(name)
      if (!Number.isInteger(pid)) continue
      const stat = readStat(pid)
      if (stat?.session === this.#leader) members.push({ pid, target: -stat.group })
      // Just forked, it has no session of its own yet, and its group is ours.
      else if (stat && pid === this.#leader) members.push({ pid, target: pid })
    }
    return members
  }
}

function readStat(pid: number): { group: number; session: number } | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  // The name of the program is in parentheses and may hold anything, parentheses too.
  const [state = '', , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return 'ZXx'.includes(state) ? undefined : { group: Number(group), session: Number(session) }
}

/** Neither caught nor ignored. */
function takesDefault(pid: number, signal: NodeJS.Signals): boolean {
  let status: string
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1')
  } catch {
    return false
  }
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
