import type { Decoded, ServerPayloads, WireError } from '@fleetwire/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { ConnectionKind } from './connection-kind.ts'
import type { FlushScheduler } from './flush-scheduler.ts'
import type { FrameLimits } from './frame-limits.ts'
import type { LivenessLimits } from './liveness.ts'

/** Frames that both routes send. */
export interface BasePayloads {
  error: WireError
  'connection:closing': ServerPayloads['connection:closing']
}

export interface InboundFrame {
  type: string
  id?: string
}

/** The holder of a connection. */
export interface Caller {
  readonly principal: Principal
  /** The address of the peer, as far as it is known behind proxies. */
  readonly address: string
}

/** What a route decides about its connections. `In` are the frames that it accepts. */
export interface ConnectionOptions<In extends InboundFrame> {
  kind: ConnectionKind
  decode(text: string): Decoded<In>
  /** Why a payload must not be sent: `serverFrameFlaw` or `agentServerFrameFlaw`. */
  flawOf(type: string, payload: unknown): string | undefined
  liveness: LivenessLimits
  /**
   * Called once per interval. `silent` counts the intervals in a row without a sign of life. A WebSocket ping is sent
   * as well.
   */
  onBeat?(silent: number): void
  /** A promise that rejects is a fault: it is logged, and only this peer gets the error `internal`. */
  onFrame(frame: In): void | Promise<void>
  /** Called after `decode` or the rate limit refused a frame and the peer was notified. */
  onRefused?(refused: { id?: string; n?: number }): void
  /** Called once, with the final code. Nothing can be sent any more. */
  onClose?(code: number): void
}

/** What all connections of a process share. */
export interface ConnectionContext {
  clock: Clock
  logger: Logger
  flusher: FlushScheduler
  frames: Pick<FrameLimits, 'gate'>
  limits: { outboxLimitBytes: number }
  /** Called before the connection's own onClose. */
  closed(id: string, code: number): void
}

export interface CloseOptions {
  reconnectAfterMs?: number
}
