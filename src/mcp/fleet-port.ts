/** One call of the REST interface. */
export interface FleetCall {
  method: 'GET' | 'POST'
  /** After `/api/v1`. */
  path: string
  query?: Record<string, string | number | undefined>
  body?: object
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Whoever calls asks again by itself: an answer that does not come is told at once. */
  once?: boolean
}

export interface FleetAnswer {
  status: number
  text: string
  header(name: string): string | undefined
}

/**
 * A Fleetwire server with the rights of one token, as the tools use it. Tools know nothing else of it, so they are the
 * same over stdio, where this is a client in another process, and on the server itself.
 */
export interface FleetPort {
  /** Resolves with whatever the server answers. Rejects with NoAnswer where it does not, or with the signal's reason. */
  call(request: FleetCall): Promise<FleetAnswer>
  /**
   * Calls `changed` after each event of these topics, and where some may have been missed. Topics that the token may not
   * read tell nothing.
   */
  watch(topics: readonly string[], changed: () => void): Watch
  /** Aborted when the server is about to stop: whatever waits should answer with what it has. */
  readonly closing: AbortSignal
}

export interface Watch {
  /** Resolves when changes from now on are told. It may stay open while there is no connection. */
  readonly ready: Promise<void>
  close(): void
}

/** The server could not be reached. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}
