import { awaitedFds } from './awaited-fds.ts'
import {
  hasEnded,
  linkOf,
  numbersIn,
  type ProcessStat,
  programName,
  read,
  readStat,
  threadsOf,
  withDescendants,
} from './proc.ts'

/** A program that waits for somebody to type. */
export interface TerminalWait {
  pid: number
  name: string
  /** CPU time used so far by all foreground programs. While it grows, one of them is working. */
  cpuTicks: number
}

/** Descriptors that a program uses to wake itself. */
const OWN_WAKE_UPS = /^anon_inode:\[(eventfd|signalfd|timerfd|eventpoll)\]$/
/** The master side of a pseudoterminal, held by programs that run another one on it: `script`, `sudo`, `tmux`. */
const MASTER = /^\/dev\/(pts\/)?ptmx$/
/** Unix98 pseudoterminals have the major numbers 136 to 143 (Documentation/admin-guide/devices.txt). */
const PTS_MAJOR = 136

/**
 * Finds the program that waits for input on this session's terminal: a foreground program with a thread that sleeps
 * until it can read from the terminal, and that nothing else can wake. A program that also waits for a socket, a file
 * or another program may be working silently, so it does not count. Linux only; elsewhere the result is undefined.
 */
export function whoWaits(leader: number): TerminalWait | undefined {
  const own = readStat(leader)
  if (own === undefined || hasEnded(own) || own.terminal === 0) return undefined
  const processes = withDescendants(leader)
    .map(readStat)
    .filter(stat => stat !== undefined)
  return waiterOn(own.terminal, processes)
}

function waiterOn(terminal: number, processes: readonly ProcessStat[]): TerminalWait | undefined {
  const foreground = processes.filter(stat => stat.terminal === terminal && stat.group === stat.foreground)
  const cpuTicks = foreground.reduce((sum, stat) => sum + stat.cpuTicks, 0)
  for (const { pid } of foreground) {
    for (const thread of threadsOf(pid)) {
      const found = judge(pid, awaitedFds(pid, thread), terminal)
      if (found === 'waits') return { pid, name: programName(pid), cpuTicks }
      // This program forwards typed input to a terminal that it created, so look for the waiting program there.
      const inner = typeof found === 'object' ? waiterOn(found.terminal, processes) : undefined
      if (inner !== undefined) return { ...inner, cpuTicks: inner.cpuTicks + cpuTicks }
    }
  }
  return undefined
}

function judge(pid: number, fds: readonly number[], terminal: number): 'waits' | { terminal: number } | undefined {
  const path = `/dev/pts/${indexOf(terminal)}`
  let waits = false
  let inner: { terminal: number } | undefined
  for (const fd of fds) {
    const link = linkOf(pid, fd)
    if (link === path || link === '/dev/tty') waits = true
    else if (link !== undefined && MASTER.test(link)) inner = innerTerminal(pid, fd)
    else if (link === undefined || !isOwnWakeUp(pid, link, fds)) return undefined
  }
  return waits ? (inner ?? 'waits') : undefined
}

const isOwnWakeUp = (pid: number, link: string, awaited: readonly number[]) =>
  OWN_WAKE_UPS.test(link) || isOwnPipe(pid, link) || isOwnSocketPair(pid, link, awaited)

/** Whether the process holds both ends of the pipe. Many programs wake their own event loop this way. */
function isOwnPipe(pid: number, link: string): boolean {
  if (!link.startsWith('pipe:')) return false
  return numbersIn(`/proc/${pid}/fd`).filter(fd => linkOf(pid, fd) === link).length > 1
}

/**
 * The same for a pair of sockets, as in Python's asyncio and Rust's signal handlers. The kernel creates both ends
 * together, with adjacent inode numbers and without a name. The program does not read from the waking end, unlike from
 * a second connection to a service.
 */
function isOwnSocketPair(pid: number, link: string, awaited: readonly number[]): boolean {
  const inode = Number(link.match(/^socket:\[(\d+)\]$/)?.[1])
  if (Number.isNaN(inode)) return false
  const neighbours = [inode - 1, inode + 1]
  const other = neighbours.find(near =>
    numbersIn(`/proc/${pid}/fd`).some(fd => !awaited.includes(fd) && linkOf(pid, fd) === `socket:[${near}]`),
  )
  return other !== undefined && [inode, other].every(end => isNamelessUnixSocket(pid, end))
}

/** Parses lines such as `…: 00000003 00000000 00000000 0001 03 2292087`, with the path at the end if there is one. */
const isNamelessUnixSocket = (pid: number, inode: number) =>
  new RegExp(`: (\\S+ ){5} *${inode}$`, 'm').test(read(`/proc/${pid}/net/unix`) ?? '')

function innerTerminal(pid: number, fd: number): { terminal: number } | undefined {
  const index = read(`/proc/${pid}/fdinfo/${fd}`)?.match(/^tty-index:\s*(\d+)$/m)?.[1]
  return index === undefined ? undefined : { terminal: numberOf(Number(index)) }
}

/** The kernel encodes device numbers for programs this way (new_encode_dev). */
const indexOf = (terminal: number) =>
  ((((terminal >> 8) & 0xfff) - PTS_MAJOR) << 8) | (terminal & 0xff) | ((terminal >> 12) & 0xfff00)
const numberOf = (index: number) => ((PTS_MAJOR + (index >> 8)) << 8) | (index & 0xff)
