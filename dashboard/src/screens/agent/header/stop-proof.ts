import type { Command } from '@fleetwire/protocol'
import { commandWords } from '../../../model/agent-status.ts'
import type { Tone } from '../../../model/command-status.ts'
import { isOver } from '../../../model/command-status.ts'

export type Stopping =
  /** Requested, and the agent has not responded yet. */
  { state: 'stopping'; since: number } | { state: 'ended'; tone: Tone; text: string }

/** The state of a requested stop, and whether the agent confirmed it. `askedAt`: when it was requested here. */
export function stopping(command: Command | undefined, askedAt: number): Stopping {
  if (command === undefined || !isOver(command.status)) {
    return { state: 'stopping', since: command?.cancelRequestedAt ?? askedAt }
  }
  if (command.confirmed === false) return { state: 'ended', tone: 'warn', text: 'Stop not confirmed' }
  if (command.status !== 'cancelled') {
    return { state: 'ended', tone: 'quiet', text: `${commandWords[command.status]} before it could be stopped` }
  }
  if (command.startedAt === undefined) return { state: 'ended', tone: 'ok', text: 'Stopped before it started' }
  return { state: 'ended', tone: 'ok', text: 'Stopped, confirmed by the agent' }
}
