import type { Command } from '@fleetwire/protocol'
import { commandWords } from './agent-status.ts'

export type Tone = 'ok' | 'bad' | 'warn' | 'work' | 'needs' | 'quiet'

/** How to show the status of a command: a word and a tone. */
export function commandStatus(command: Pick<Command, 'status' | 'phase' | 'confirmed' | 'cancelRequestedAt'>): {
  word: string
  tone: Tone
} {
  const { status, phase, confirmed } = command
  switch (status) {
    case 'queued':
      return { word: 'Queued', tone: 'quiet' }
    case 'dispatched':
      return command.cancelRequestedAt === undefined
        ? { word: 'Dispatched', tone: 'work' }
        : { word: 'Stopping', tone: 'warn' }
    case 'running':
      if (phase === 'cancelling' || command.cancelRequestedAt !== undefined) return { word: 'Stopping', tone: 'warn' }
      if (phase === 'waiting_input') return { word: 'Waiting for you', tone: 'needs' }
      if (phase === 'disconnected') return { word: 'Agent offline', tone: 'warn' }
      return { word: 'Running', tone: 'work' }
    case 'succeeded':
      return { word: 'Succeeded', tone: 'ok' }
    case 'cancelled':
    case 'timed_out':
      if (confirmed === false) return { word: 'Stop not confirmed', tone: 'warn' }
      return { word: commandWords[status]!, tone: status === 'cancelled' ? 'quiet' : 'bad' }
    case 'rejected':
      return { word: 'Rejected', tone: 'quiet' }
    case 'failed':
    case 'lost':
    case 'expired':
      return { word: commandWords[status]!, tone: 'bad' }
    default:
      return status satisfies never
  }
}

export const commandNotes: Record<Command['status'], string> = {
  queued: 'It is stored and waiting for its turn.',
  dispatched: 'It was sent to the agent, which has not confirmed it yet.',
  running: 'The agent is working on it.',
  succeeded: 'The agent reported that it is done.',
  failed: 'The agent reported that it could not be done.',
  cancelled: 'It was stopped.',
  timed_out: 'It ran longer than its time limit.',
  expired: 'It waited in the queue longer than allowed.',
  rejected: 'The agent did not accept it.',
  lost: 'Its agent was offline too long; whether it was done is unknown.',
}

/** The first line of the input that is not blank. */
export function commandTitle(command: Pick<Command, 'input' | 'kind'>): string {
  const text = typeof command.input === 'string' ? command.input : JSON.stringify(command.input)
  const line = text.split('\n').find(part => part.trim() !== '')
  return line?.trim() ?? command.kind
}

export const isOver = (status: string): boolean =>
  status !== 'queued' && status !== 'dispatched' && status !== 'running'

export const errorText = (error: Command['error']): string | undefined =>
  typeof error === 'string' ? error : error?.message
