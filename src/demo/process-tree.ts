import { read, readStat, withDescendants } from '../exec/proc.ts'

const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

/** CPU seconds and resident bytes of this process and, on Linux, of its descendants. */
export function used(): { cpuSeconds: number; memoryBytes: number } {
  const { user, system } = process.cpuUsage()
  const all = { cpuSeconds: (user + system) / 1e6, memoryBytes: process.memoryUsage.rss() }
  for (const pid of withDescendants(process.pid).slice(1)) {
    all.cpuSeconds += (readStat(pid)?.cpuTicks ?? 0) / TICKS_PER_SECOND
    all.memoryBytes += Number(read(`/proc/${pid}/statm`)?.split(' ')[1] ?? 0) * PAGE_BYTES
  }
  return all
}
