import { STATUS_CODES } from 'node:http'
import { errorCodes, type RestError, type WireError } from '@fleetwire/protocol'

/** The REST body of a refusal. `statusCode`: for statuses that HTTP distinguishes and the codes do not (415, 431). */
export function restError(
  { code, message, details }: WireError,
  statusCode: number = errorCodes[code].status,
): RestError {
  const error = STATUS_CODES[statusCode] ?? 'Error'
  return { statusCode, code, error, message, ...(details !== undefined && { details }) }
}
