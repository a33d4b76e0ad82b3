import type { Command } from '@fleetwire/protocol'

/**
 * Who goes first of the commands that wait for one agent: higher priority, then those that interrupt (they do not wait
 * behind what they were sent to replace), then the order of submission. Ids are sortable by time.
 */
export function compareQueued(a: Command, b: Command): number {
  if (a.priority !== b.priority) return b.priority - a.priority
  if (a.whenBusy !== b.whenBusy) {
    if (a.whenBusy === 'interrupt') return -1
    if (b.whenBusy === 'interrupt') return 1
  }
  return a.commandId < b.commandId ? -1 : a.commandId > b.commandId ? 1 : 0
}
