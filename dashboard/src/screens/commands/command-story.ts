import type { Command, CommandStatus } from '@fleetwire/protocol'
import { commandWords } from '../../model/agent-status.ts'
import { reasonText } from './reasons.ts'

/** One step in the life of a command. */
export interface Step {
  at: number
  title: string
  note?: string
  tone: 'ok' | 'bad' | 'warn' | 'work' | 'quiet'
  /** Time since the previous step, in milliseconds. */
  gapMs?: number
}

/** An event of the command's topic. */
export interface CommandEvent {
  type: string
  at: number
  payload: Command
}

const tones: Partial<Record<CommandStatus, Step['tone']>> = {
  ...{ succeeded: 'ok', cancelled: 'quiet', rejected: 'quiet', queued: 'quiet' },
  ...{ failed: 'bad', lost: 'bad', timed_out: 'bad', expired: 'bad' },
}

/**
 * The history of a command: each event that changed its status, oldest first. Without events (retention has removed
 * them, or this token may not read them), the timestamps of the record are used.
 */
export function commandStory(command: Command, events: readonly CommandEvent[]): Step[] {
  const steps = events.length > 0 ? fromEvents(events) : fromRecord(command)
  if (command.lateResult !== undefined) {
    const { at, status } = command.lateResult
    steps.push({
      at,
      title: `A late result arrived: ${commandWords[status].toLowerCase()}`,
      note: 'It arrived after the command ended and changes nothing.',
      tone: 'warn',
    })
  }
  steps.sort((a, b) => a.at - b.at)
  return steps.map((step, index) => (index === 0 ? step : { ...step, gapMs: step.at - steps[index - 1]!.at }))
}

function fromEvents(events: readonly CommandEvent[]): Step[] {
  const steps: Step[] = []
  let before = ''
  for (const { type, at, payload } of events) {
    const step = stepOf(type, payload)
    // Progress events are not steps, and repeated events of the same status are one step.
    const key = `${step?.title} ${payload.attempt}`
    if (step === undefined || key === before) continue
    before = key
    steps.push({ at, ...step })
  }
  return steps
}

function stepOf(type: string, command: Command): Omit<Step, 'at'> | undefined {
  const note = reasonText(command.reason)
  switch (type) {
    case 'command:queued':
      return command.attempt === 0
        ? { title: 'Stored', note: `By ${command.createdBy}.`, tone: 'quiet' }
        : { title: 'Back in the queue', note: note ?? 'It will be sent again.', tone: 'warn' }
    case 'command:dispatched':
      return { title: `Sent to the agent (attempt ${command.attempt})`, tone: 'work' }
    case 'command:running':
      if (command.phase === 'waiting_input')
        return {
          title: 'Waiting for a person',
          ...(command.detail !== undefined && { note: command.detail }),
          tone: 'warn',
        }
      if (command.phase === 'disconnected')
        return { title: 'The agent is offline', note: 'It may still be working. Its lease is running.', tone: 'warn' }
      return { title: 'The agent is working on it', tone: 'work' }
    case 'command:cancelling':
      return { title: 'Stop requested', tone: 'warn' }
    case 'command:progress':
      return undefined
    default:
      return endOf(command, note)
  }
}

function endOf(command: Command, note: string | undefined): Omit<Step, 'at'> {
  const { status, confirmed, exitCode } = command
  const title = confirmed === false ? `${commandWords[status]}, not confirmed by the agent` : commandWords[status]
  const said = [exitCode !== undefined && `Exit code ${exitCode}.`, note].filter(Boolean).join(' ')
  return { title, ...(said !== '' && { note: said }), tone: confirmed === false ? 'warn' : (tones[status] ?? 'work') }
}

function fromRecord(command: Command): Step[] {
  const { createdAt, dispatchedAt, startedAt, cancelRequestedAt, endedAt } = command
  const at = (time: number | undefined, step: Omit<Step, 'at'>): Step[] =>
    time === undefined ? [] : [{ at: time, ...step }]
  return [
    ...at(createdAt, { title: 'Stored', note: `By ${command.createdBy}.`, tone: 'quiet' }),
    ...at(dispatchedAt, { title: `Sent to the agent (attempt ${command.attempt})`, tone: 'work' }),
    ...at(startedAt, { title: 'The agent is working on it', tone: 'work' }),
    ...at(cancelRequestedAt, { title: 'Stop requested', tone: 'warn' }),
    ...at(endedAt, endOf(command, reasonText(command.reason))),
  ]
}
