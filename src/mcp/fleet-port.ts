/** One call to the REST API. */
export interface FleetCall {
  method: 'GET' | 'POST'
  /** The path after `/api/v1`. */
  path: string
  query?: Record<string, string | number | undefined>
  body?: object
  headers?: Record<string, string>
  signal?: AbortSignal
  /** The caller retries by itself: a missing response is reported at once. */
  once?: boolean
}

export interface FleetAnswer {
  status: number
  text: string
  header(name: string): string | undefined
}

/**
 * A Fleetwire server with the rights of one token, as the tools see it. The tools depend on nothing else, so they are
 * the same over stdio, where this is a client in another process, and on the server itself.
 */
export interface FleetPort {
  /** Resolves with the server's response. Rejects with NoAnswer if there is none, or with the signal's reason. */
  call(request: FleetCall): Promise<FleetAnswer>
  /**
   * Calls `changed` after each event on these topics, and whenever events may have been missed. Topics that the token
   * may not read never cause a call.
   */
  watch(topics: readonly string[], changed: () => void): Watch
  /** Aborted when the server is about to stop: waiting calls should return what they have. */
  readonly closing: AbortSignal
}

export interface Watch {
  /** Resolves once further changes are reported. May stay pending while there is no connection. */
  readonly ready: Promise<void>
  close(): void
}

/** The server could not be reached. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}
