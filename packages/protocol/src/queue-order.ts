import type { Command } from '#schemas'

/** What of a command decides when it goes. */
export type QueuedCommand = Pick<Command, 'commandId' | 'priority' | 'runNextAt' | 'whenBusy'>

/**
 * The order of the commands that wait for one agent [CQ2]: those that somebody moved to the front, the last moved first;
 * then higher priority; then those that interrupt (they must not wait behind what they replace); then the order of
 * submission, since ids sort by time. It is total.
 */
export function compareQueued(a: QueuedCommand, b: QueuedCommand): number {
  const moved = (b.runNextAt ?? 0) - (a.runNextAt ?? 0)
  if (moved !== 0) return moved
  if (a.priority !== b.priority) return b.priority - a.priority
  if (a.whenBusy !== b.whenBusy) {
    if (a.whenBusy === 'interrupt') return -1
    if (b.whenBusy === 'interrupt') return 1
  }
  return a.commandId < b.commandId ? -1 : a.commandId > b.commandId ? 1 : 0
}
