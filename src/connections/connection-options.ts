import type { Decoded, ServerPayloads, WireError } from '@fleetwire/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { ConnectionKind } from './connection-kind.ts'
import type { FlushScheduler } from './flush-scheduler.ts'
import type { FrameLimits } from './frame-limits.ts'
import type { LivenessLimits } from './liveness.ts'

/** Frame types that both routes send, whatever else they do. */
export interface BasePayloads {
  error: WireError
  'connection:closing': ServerPayloads['connection:closing']
}

export interface InboundFrame {
  type: string
  id?: string
}

/** Whose socket it is. */
export interface Caller {
  readonly principal: Principal
  /** Where the peer is, as far as it can be known behind proxies. */
  readonly address: string
}

/** What a route decides about its connections. `In` are the frames that it takes. */
export interface ConnectionOptions<In extends InboundFrame> {
  kind: ConnectionKind
  decode(text: string): Decoded<In>
  /** Why a payload may not leave: `serverFrameFlaw` or `agentServerFrameFlaw`. */
  flawOf(type: string, payload: unknown): string | undefined
  liveness: LivenessLimits
  /** Once per interval. `silent` counts the intervals in a row without a sign of life. A WebSocket ping goes out by itself. */
  onBeat?(silent: number): void
  /** A promise that rejects is a fault: it is logged, this peer gets `error internal`, nobody else notices. */
  onFrame(frame: In): void | Promise<void>
  /** After a frame was refused by `decode` or the rate limit, and the peer was told. */
  onRefused?(refused: { id?: string; n?: number }): void
  /** Once, with the final code; nothing can be sent any more. */
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
