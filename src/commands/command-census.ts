import type { Command, CommandStatus } from '@fleetwire/protocol'

export interface CommandCensus {
  /** Commands that have not ended, by status: how many, and how long ago the oldest of them was created. */
  live: { status: CommandStatus; count: number; oldestMs: number }[]
  /** Commands that ended since the process started. */
  ended: ReadonlyMap<CommandStatus, number>
}

const LIVE = ['queued', 'dispatched', 'running'] as const

/** Counts commands. A status without commands counts as 0. */
export function censusOf(commands: Iterable<Command>, now: number): CommandCensus['live'] {
  const found = new Map(LIVE.map(status => [status as CommandStatus, { count: 0, oldestMs: 0 }]))
  for (const { status, createdAt } of commands) {
    const at = found.get(status)
    if (at === undefined) continue
    at.count++
    at.oldestMs = Math.max(at.oldestMs, now - createdAt)
  }
  return [...found].map(([status, at]) => ({ status, ...at }))
}
