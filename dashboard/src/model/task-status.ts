import type { Task } from '@fleetwire/protocol'
import type { Tone } from './command-status.ts'

export const taskStatus: Record<Task['status'], { word: string; tone: Tone }> = {
  pending: { word: 'Pending', tone: 'quiet' },
  running: { word: 'Running', tone: 'work' },
  paused: { word: 'Paused', tone: 'warn' },
  completed: { word: 'Completed', tone: 'ok' },
  failed: { word: 'Failed', tone: 'bad' },
  cancelled: { word: 'Cancelled', tone: 'quiet' },
}

export const isTaskOver = (status: Task['status']): boolean =>
  status === 'completed' || status === 'failed' || status === 'cancelled'

/** The progress of a task and the confidence of its agent: “62% · 80% sure · copying files”. */
export const taskProgressWords = ({ progress, confidence, message }: Task): string =>
  [
    `${Math.round(progress * 100)}%`,
    confidence > 0 && `${Math.round(confidence * 100)}% sure`,
    message !== '' && message,
  ]
    .filter(Boolean)
    .join(' · ')
