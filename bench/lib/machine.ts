import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, cpus, platform, release, totalmem } from 'node:os'

const isLinux = platform() === 'linux'
const TICK_MS = isLinux ? 1000 / Number(execFileSync('getconf', ['CLK_TCK'])) : Number.NaN

export function machine(): string {
  const gib = Math.round(totalmem() / 2 ** 30)
  const [core] = cpus()
  return `${cpus().length} × ${core?.model.trim()}, ${gib} GiB, ${platform()} ${release()} ${arch()}, Node ${process.versions.node}`
}

/** CPU time that all threads of a process have used, ms; NaN on systems other than Linux. */
export function cpuMsOf(pid: number): number {
  if (!isLinux) return Number.NaN
  // The name in parentheses may contain anything, so count the fields from behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

export function residentBytesOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

/** The child processes of a process, oldest first. */
export const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

/** CPU time that all processes of the machine have used, ms. */
function busyMs(): number {
  if (!isLinux) return Number.NaN
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number) as [number, number, number, number, number, number, number, number]
  return (user + nice + system + irq + softirq + steal) * TICK_MS
}

/** How much CPU other processes have used since: figures of a shared machine are marked. */
export class Neighbours {
  readonly #pids: readonly number[]
  readonly #startedAt = performance.now()
  readonly #busyMs = busyMs()
  readonly #ownMs: number

  constructor(pids: readonly number[]) {
    this.#pids = [process.pid, ...pids]
    this.#ownMs = this.#used()
  }

  /** Average, in cores. Call it while the processes are still alive. */
  cores(): number {
    const others = busyMs() - this.#busyMs - (this.#used() - this.#ownMs)
    return Math.max(0, others) / (performance.now() - this.#startedAt)
  }

  #used(): number {
    return this.#pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0)
  }
}
