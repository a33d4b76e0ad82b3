import type { ServerPayloads } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'

export type ViewerFrameType =
  | 'terminal:snapshot'
  | 'terminal:output'
  | 'terminal:resize'
  | 'terminal:exit'
  | 'terminal:ack'

/** A connection that watches terminals. `send` must not throw and must not wait. */
export interface ViewerPort {
  readonly id: string
  send<K extends ViewerFrameType>(type: K, payload: ServerPayloads[K]): void
}

/** What one viewer is sent of one terminal, in one of the modes. */
export interface ViewerStream {
  /** The viewer has drawn everything before `offset`. */
  ack(offset: number): void
  /** Whether the agent waits for what this viewer acknowledges. */
  readonly paces?: boolean
  close(): void
}

export interface ViewerStreamOptions {
  clock: Clock
  creditBytes: number
  snapshotIntervalMs: number
  /** The viewer is a terminal with a person in front of it: it answers queries, and nothing else does. */
  answers?: boolean | undefined
  onFault(error: unknown): void
}
