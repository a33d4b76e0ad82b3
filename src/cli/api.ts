import type { RestError } from '@fleetwire/protocol'
import { CliError, noServer } from './cli-error.ts'
import type { Target } from './target.ts'

interface Request {
  body?: unknown
  headers?: Record<string, string>
}

/** The server responded with an error status. */
export class CallError extends CliError {
  readonly status: number

  constructor(status: number, reason: 'denied' | 'failed', message: string) {
    super(reason, message)
    this.status = status
  }
}

/** Calls the server's REST API. Throws a CliError with the server's message. */
export async function call<T>(target: Target, method: string, path: string, request?: Request): Promise<T> {
  return JSON.parse(await ask(target, method, path, request)) as T
}

export const fetchText = (target: Target, path: string): Promise<string> => ask(target, 'GET', path)

/** All pages of a list. */
export async function* pages<T>(target: Target, path: string): AsyncGenerator<T> {
  let cursor: string | null = ''
  while (cursor !== null) {
    const join: string = path.includes('?') ? '&' : '?'
    const query: string = cursor === '' ? '' : `${join}cursor=${encodeURIComponent(cursor)}`
    const page: { items: T[]; nextCursor: string | null } = await call(target, 'GET', `${path}${query}`)
    yield* page.items
    cursor = page.nextCursor
  }
}

async function ask(
  { url, token }: Target,
  method: string,
  path: string,
  { body, headers }: Request = {},
): Promise<string> {
  let response: Response
  try {
    response = await fetch(`${url.replace(/\/+$/, '')}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch (error) {
    throw noServer(url, (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message)
  }
  const text = await response.text()
  if (response.ok) return text
  let message = text
  try {
    message = (JSON.parse(text) as RestError).message
  } catch {
    // The response comes from a proxy and not from Fleetwire: show its text.
  }
  throw new CallError(
    response.status,
    response.status === 401 || response.status === 403 ? 'denied' : 'failed',
    `${message} (${response.status})`,
  )
}
