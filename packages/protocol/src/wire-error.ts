import { type ErrorCode, errorCodes } from './error-codes.ts'
import type { WireError } from './errors.ts'

export function wireError(code: ErrorCode, message: string, details?: unknown): WireError {
  const error: WireError = { code, message, retryable: errorCodes[code].retryable }
  return details === undefined ? error : { ...error, details }
}
