import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs'
import { basename } from 'node:path'

/** One process as Linux describes it (proc_pid_stat(5)). */
export interface ProcessStat {
  pid: number
  /** R: running, S: sleeping, D: waiting for the disk, T: stopped, Z: ended but not yet reaped. */
  state: string
  group: number
  session: number
  /** The device number of the controlling terminal; 0: none. */
  terminal: number
  /** The foreground process group of the controlling terminal. */
  foreground: number
  /** CPU time used so far, in hundredths of a second. */
  cpuTicks: number
  /** Start time since boot, in the same unit. Together with the pid, it identifies a process uniquely. */
  startTicks: number
}

/** Longer than any process's stat file. */
const stats = Buffer.alloc(4096)
const FIELDS = 20

/** Undefined if there is no such process or the system has no /proc. */
export function readStat(pid: number): ProcessStat | undefined {
  const stat = readAtOnce(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The program's name is in parentheses and may itself contain parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ', FIELDS)
  const number = (index: number) => Number(fields[index])
  return {
    pid,
    state: fields[0] ?? '',
    group: number(2),
    session: number(3),
    terminal: number(4),
    foreground: number(5),
    cpuTicks: number(11) + number(12),
    startTicks: number(19),
  }
}

/** Whether the process has ended, reaped or not. */
export const hasEnded = ({ state }: ProcessStat): boolean => 'ZXx'.includes(state)

/** How often the process gave up the CPU voluntarily. Grows with everything it does except computing. */
export function sleepsOf(pid: number): number {
  return Number(read(`/proc/${pid}/status`)?.match(/^voluntary_ctxt_switches:\s*(\d+)$/m)?.[1] ?? 0)
}

/** The familiar name: the first word of the command line, which the program may have set, or else its `comm` name. */
export function programName(pid: number): string {
  const [first = ''] = (read(`/proc/${pid}/cmdline`) ?? '').split(/[\0\s:]/)
  return basename(first).replace(/^-/, '') || (read(`/proc/${pid}/comm`) ?? 'a process').trim()
}

export function threadsOf(pid: number): number[] {
  return numbersIn(`/proc/${pid}/task`)
}

export function allProcesses(): number[] {
  return numbersIn('/proc')
}

/** A process and all its descendants. */
export function withDescendants(pid: number): number[] {
  const found = [pid]
  for (const parent of found) {
    for (const thread of threadsOf(parent)) {
      const children = read(`/proc/${parent}/task/${thread}/children`)
      found.push(...(children ?? '').split(' ').filter(Boolean).map(Number))
    }
  }
  return found
}

/** What a descriptor refers to: a path, or for example `pipe:[123]`. */
export function linkOf(pid: number, fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`)
  } catch {
    return undefined
  }
}

/** For polling all processes: half the cost of `readFileSync`. */
function readAtOnce(path: string): string | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    return stats.toString('latin1', 0, readSync(fd, stats))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

export function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

export function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}
