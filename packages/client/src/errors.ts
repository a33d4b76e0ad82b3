import type { WireError } from '@fleetwire/protocol'

/** Why a request has no reply from the server: the network or this client ended it. */
export type LocalErrorCode =
  | 'timeout'
  | 'stopped'
  /** There is no connection, and the request was not meant to wait for one. */
  | 'offline'
  /** Its `signal` was aborted before it was sent. */
  | 'withdrawn'
  /** The socket broke. The request may have been executed, and repeating it could do harm. */
  | 'disconnected'

export interface LocalError {
  code: LocalErrorCode
  message: string
  retryable: boolean
}

/** The result of a request: refusals and lost connections are values, not exceptions. */
export type RequestResult<T = object> = ({ ok: true } & T) | { ok: false; error: WireError | LocalError }

export type FaultCode =
  /** The outbox has reached its limit of unacknowledged bytes: report less, or wait until the server is back. */
  | 'outbox_full'
  /** One report is larger than the server's frame limit. */
  | 'frame_too_large'
  /** A field of the report is nested deeper than the server accepts. */
  | 'too_deep'
  /** The client was stopped. */
  | 'stopped'
  /** The message or tool call has ended. */
  | 'ended'
  /** The server refused a pattern of the stream, or a question. */
  | 'refused'
  /** An option is invalid, so a retry cannot help. */
  | 'invalid_option'

/** An error caused by the calling code or its environment; `code` says which. */
export class FleetwireError extends Error {
  readonly code: FaultCode

  constructor(code: FaultCode, message: string) {
    super(message)
    this.name = 'FleetwireError'
    this.code = code
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Rethrows an application callback's exception in a microtask: the platform reports it, and the client carries on. */
export function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
