/**
 * Every error code, for sockets and REST. `status` is the HTTP status over REST; `retryable` says whether the same
 * request can succeed later, unchanged.
 */
export const errorCodes = {
  bad_json: { status: 400, retryable: false, meaning: 'The text is not valid JSON.' },
  unknown_type: { status: 400, retryable: false, meaning: 'Frames of this type are not accepted on this route.' },
  invalid_frame: { status: 400, retryable: false, meaning: 'The frame does not match the schema of its type.' },
  invalid_request: {
    status: 400,
    retryable: false,
    meaning: 'The REST request does not match the schema of its route.',
  },
  unauthorized: { status: 401, retryable: false, meaning: 'The token is missing, malformed, expired or revoked.' },
  forbidden: { status: 403, retryable: false, meaning: 'The token does not allow this.' },
  not_found: { status: 404, retryable: false, meaning: 'It does not exist, or the token may not see it.' },
  conflict: {
    status: 409,
    retryable: false,
    meaning: 'The current state does not allow this; `details` shows the state.',
  },
  stale: {
    status: 409,
    retryable: false,
    meaning: 'The report is for an attempt that is not the current one; it was stored separately.',
  },
  gap: {
    status: 409,
    retryable: true,
    meaning: 'A numbered frame is missing; resend everything after the last acked number.',
  },
  patch_failed: {
    status: 409,
    retryable: false,
    meaning: 'The patch does not apply to the state; the state is unchanged.',
  },
  cursor_gone: { status: 410, retryable: false, meaning: 'The cursor is older than retention; start from a snapshot.' },
  too_large: { status: 413, retryable: false, meaning: 'The size limit was exceeded; the message states it.' },
  rate_limited: {
    status: 429,
    retryable: true,
    meaning: 'Too many requests or frames; wait for `details.retryAfterMs` or `Retry-After`.',
  },
  queue_full: { status: 429, retryable: true, meaning: 'The command queue of this agent is full.' },
  subscription_limit: { status: 400, retryable: false, meaning: 'Too many patterns on one connection.' },
  not_ready: { status: 409, retryable: true, meaning: 'The handshake is not complete: send agent:connect first.' },
  unavailable: {
    status: 503,
    retryable: true,
    meaning: 'The server cannot accept this right now. Nothing was accepted, unless `details.outcome` is `unknown`.',
  },
  internal: { status: 500, retryable: true, meaning: 'Internal server error; it was logged.' },
} as const satisfies Record<string, { status: number; retryable: boolean; meaning: string }>

export type ErrorCode = keyof typeof errorCodes
