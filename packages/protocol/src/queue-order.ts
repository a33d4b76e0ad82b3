import type { Command } from '#schemas'

/** The fields of a command that decide its place in the queue. */
export type QueuedCommand = Pick<Command, 'commandId' | 'priority' | 'runNextAt' | 'whenBusy'>

/**
 * A total order of the commands waiting for one agent [CQ2]: first those moved to the front, last moved first; then by
 * higher priority; then those that interrupt (they must not wait behind the commands that they replace); then by order
 * of submission, as ids sort by time.
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
