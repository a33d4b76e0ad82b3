import { type ErrorCode, errorCodes } from '@fleetwire/protocol'

/** The properties of a route that determine its possible refusals. */
export interface RouteShape {
  method: string
  /** Whether it requires a token, and whether it is rate-limited. */
  secured: boolean
  limited: boolean
  /** `validated`: parameters, query, headers or body have a schema; `named`: parameters have. */
  validated: boolean
  named: boolean
  /** The codes with which the route itself refuses. */
  refusals: readonly ErrorCode[]
}

/** Statuses that HTTP distinguishes and the codes do not. */
const URI_TOO_LONG = 414
const UNSUPPORTED_MEDIA = 415
const RestErrorRef = { 'application/json': { schema: { $ref: 'RestError#' } } }

const described = (codes: readonly ErrorCode[]) => ({
  description: codes.map(code => `\`${code}\`: ${errorCodes[code].meaning}`).join(' '),
  content: RestErrorRef,
})

const known = new Map<string, Record<string, object>>()

/**
 * Every error response of a route by status: its own refusals, and those of the checks before it. Routes of the same
 * shape share the result.
 */
export function errorResponses({ method, ...shape }: RouteShape): Record<string, object> {
  const takesBody = method !== 'GET' && method !== 'HEAD'
  const key = JSON.stringify([takesBody, shape])
  const made = known.get(key) ?? makeResponses({ takesBody, ...shape })
  known.set(key, made)
  return made
}

function makeResponses({
  takesBody,
  secured,
  limited,
  validated,
  named,
  refusals,
}: Omit<RouteShape, 'method'> & { takesBody: boolean }): Record<string, object> {
  const codes = new Set<ErrorCode>([
    ...(takesBody ? (['bad_json', 'too_large'] as const) : []),
    ...(validated || takesBody ? (['invalid_request'] as const) : []),
    ...(secured ? (['unauthorized', 'forbidden', 'unavailable'] as const) : []),
    ...(limited ? (['rate_limited'] as const) : []),
    ...refusals,
    'internal',
  ])
  const statuses = new Set([...codes].map(code => errorCodes[code].status))
  const codesOf = (status: number) => [...codes].filter(code => errorCodes[code].status === status)
  return {
    ...Object.fromEntries([...statuses].map(status => [status, described(codesOf(status))])),
    ...(named && { [URI_TOO_LONG]: described(['invalid_request']) }),
    ...(takesBody && { [UNSUPPORTED_MEDIA]: described(['invalid_request']) }),
  }
}
