import type { LocalError, RequestResult } from '@fleetwire/client'
import { type ErrorCode, errorCodes, type RestError, type WireError } from '@fleetwire/protocol'

/** The result of a request: refusals and lost connections are values, not exceptions. */
export type RestResult<T> = RequestResult<{ data: T }>

export type Fetch = (path: string, init?: RequestInit) => Promise<Response>

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  query?: object | undefined
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

/** Requests JSON under `/api/v1`. */
export async function request<T>(fetch: Fetch, path: string, options: RequestOptions = {}): Promise<RestResult<T>> {
  const response = await send(fetch, path, options)
  if ('ok' in response && !(response instanceof Response)) return response
  try {
    const data = response.status === 204 ? undefined : await response.json()
    return { ok: true, data: data as T }
  } catch {
    return failed('internal', 'The response of the server is not valid JSON.')
  }
}

/** Requests a file, such as an export. */
export async function download(fetch: Fetch, path: string, options: RequestOptions = {}): Promise<RestResult<Blob>> {
  const response = await send(fetch, path, options)
  if (!(response instanceof Response)) return response
  return { ok: true, data: await response.blob() }
}

async function send(
  fetch: Fetch,
  path: string,
  { method = 'GET', query, body, headers, signal }: RequestOptions,
): Promise<Response | { ok: false; error: WireError | LocalError }> {
  let response: Response
  try {
    response = await fetch(`/api/v1${path}${queryString(query)}`, {
      method,
      ...(signal !== undefined && { signal }),
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return {
      ok: false,
      error: { code: 'offline', message: `The server could not be reached: ${message}`, retryable: true },
    }
  }
  return response.ok ? response : refusal(response)
}

async function refusal(response: Response): Promise<{ ok: false; error: WireError }> {
  const body = (await response.json().catch(() => ({}))) as Partial<RestError>
  const code = body.code ?? codeOf(response.status)
  const known = errorCodes[code] as (typeof errorCodes)[ErrorCode] | undefined
  const error: WireError = {
    code,
    message: body.message ?? `The server answered ${response.status}.`,
    retryable: known?.retryable ?? response.status >= 500,
  }
  return { ok: false, error: body.details === undefined ? error : { ...error, details: body.details } }
}

/** The error code of a response that is not Fleetwire's, such as a proxy's. */
function codeOf(status: number): ErrorCode {
  const same = Object.entries(errorCodes).find(([, { status: of }]) => of === status)
  return (same?.[0] as ErrorCode | undefined) ?? (status >= 500 ? 'internal' : 'invalid_request')
}

const failed = (code: ErrorCode, message: string): { ok: false; error: WireError } => ({
  ok: false,
  error: { code, message, retryable: errorCodes[code].retryable },
})

function queryString(query: object = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined)
  if (pairs.length === 0) return ''
  return `?${new URLSearchParams(pairs.map(([key, value]) => [key, Array.isArray(value) ? value.join() : String(value)]))}`
}
