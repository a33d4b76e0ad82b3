import type { ServerPayloads } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'

export type ViewerFrameType =
  | 'terminal:snapshot'
  | 'terminal:output'
  | 'terminal:resize'
  | 'terminal:exit'
  | 'terminal:ack'

/** A connection that watches terminals. `send` must neither throw nor block. */
export interface ViewerPort {
  readonly id: string
  send<K extends ViewerFrameType>(type: K, payload: ServerPayloads[K]): void
}

/** Sends one terminal to one viewer, in one of the modes. */
export interface ViewerStream {
  /** The viewer has drawn everything before `offset`. */
  ack(offset: number): void
  /** Whether the agent waits for this viewer's acknowledgements. */
  readonly paces?: boolean
  close(): void
}

export interface ViewerStreamOptions {
  clock: Clock
  creditBytes: number
  snapshotIntervalMs: number
  /** The viewer is a real terminal that answers queries, so that the server's screen need not. */
  answers?: boolean | undefined
  onFault(error: unknown): void
}
