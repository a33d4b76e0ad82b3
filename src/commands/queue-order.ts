import type { Command } from '@fleetwire/protocol'

/**
 * The order of the commands that wait for one agent: higher priority first, then those that interrupt (they must not
 * wait behind what they replace), then the order of submission, since ids sort by time.
 */
export function compareQueued(a: Command, b: Command): number {
  if (a.priority !== b.priority) return b.priority - a.priority
  if (a.whenBusy !== b.whenBusy) {
    if (a.whenBusy === 'interrupt') return -1
    if (b.whenBusy === 'interrupt') return 1
  }
  return a.commandId < b.commandId ? -1 : a.commandId > b.commandId ? 1 : 0
}
