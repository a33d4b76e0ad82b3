import { closeSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'
import { read } from './proc.ts'

type Call = 'read' | 'poll' | 'select' | 'epoll'

/** Numbers of the system calls in which a thread waits for input (from Linux's syscall*.tbl tables). */
const calls: { [arch: string]: Record<number, Call> } = {
  x64: {
    ...{ 0: 'read', 19: 'read', 7: 'poll', 271: 'poll', 23: 'select', 270: 'select' },
    ...{ 232: 'epoll', 281: 'epoll', 441: 'epoll' },
  },
  arm64: { 63: 'read', 65: 'read', 73: 'poll', 72: 'select', 22: 'epoll', 441: 'epoll' },
}

const POLLIN = 1
const POLLFD_BYTES = 8
const MAX_FDS = 1024

/**
 * The descriptors that a sleeping thread waits to read from. Empty if the thread does anything else, or if the system
 * does not reveal them: another user's process, another operating system, another architecture.
 */
export function awaitedFds(pid: number, thread: number): number[] {
  const words = read(`/proc/${pid}/task/${thread}/syscall`)?.split(' ') ?? []
  const call = calls[process.arch]?.[Number(words[0])]
  const argument = (index: number) => BigInt(words[index + 1] ?? 0)
  switch (call) {
    case 'read':
      return [Number(argument(0))]
    case 'poll':
      return polled(pid, argument(0), Number(argument(1)))
    case 'select':
      return selected(pid, argument(1), Number(argument(0)))
    case 'epoll':
      return registered(pid, Number(argument(0)))
    case undefined:
      return []
    default:
      return call satisfies never
  }
}

/** An array of struct pollfd { int fd; short events; short revents }. */
function polled(pid: number, address: bigint, count: number): number[] {
  const memory = readMemory(pid, address, Math.min(count, MAX_FDS) * POLLFD_BYTES)
  const fds: number[] = []
  for (let at = 0; at + POLLFD_BYTES <= memory.length; at += POLLFD_BYTES) {
    if (memory.readInt16LE(at + 4) & POLLIN) fds.push(memory.readInt32LE(at))
  }
  return fds.filter(fd => fd >= 0)
}

/** An fd_set: one bit per descriptor. */
function selected(pid: number, address: bigint, count: number): number[] {
  const memory = address === 0n ? Buffer.alloc(0) : readMemory(pid, address, Math.ceil(Math.min(count, MAX_FDS) / 8))
  const fds: number[] = []
  for (let fd = 0; fd < memory.length * 8; fd++) if (memory[fd >> 3]! & (1 << (fd & 7))) fds.push(fd)
  return fds
}

/** Lines such as `tfd:  0 events: 19 data: …`. */
function registered(pid: number, fd: number): number[] {
  const lines = (read(`/proc/${pid}/fdinfo/${fd}`) ?? '').matchAll(/^tfd:\s*(\d+)\s+events:\s*([0-9a-f]+)/gm)
  return [...lines].filter(([, , events]) => Number.parseInt(events!, 16) & POLLIN).map(([, fd]) => Number(fd))
}

/** A process may read the memory of processes that it may trace, and a parent may trace its children. */
function readMemory(pid: number, address: bigint, length: number): Buffer {
  if (endianness() !== 'LE') return Buffer.alloc(0)
  let file: number
  try {
    file = openSync(`/proc/${pid}/mem`, 'r')
  } catch {
    return Buffer.alloc(0)
  }
  try {
    const buffer = Buffer.alloc(length)
    return buffer.subarray(0, readSync(file, buffer, 0, length, address))
  } catch {
    return Buffer.alloc(0)
  } finally {
    closeSync(file)
  }
}
