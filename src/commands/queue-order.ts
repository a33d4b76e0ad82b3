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
  return a.commandId < b.commandId ? -1 : 1
}

/** What an agent has in hand and what waits for it. */
export function splitQueue(commands: Iterable<Command>): {
  inFlight: Command[]
  first: Command | undefined
  queued: number
} {
  const inFlight: Command[] = []
  let first: Command | undefined
  let queued = 0
  for (const command of commands) {
    if (command.status === 'queued') {
      queued++
      if (first === undefined || compareQueued(command, first) < 0) first = command
    } else inFlight.push(command)
  }
  return { inFlight, first, queued }
}
