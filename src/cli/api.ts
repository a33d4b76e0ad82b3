import type { RestError } from '@fleetwire/protocol'
import { CliError } from './cli-error.ts'
import type { Target } from './target.ts'

/** A call to the server's REST interface. Throws CliError with the server's own words. */
export async function call<T>(
  { url, token }: Target,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  let response: Response
  try {
    response = await fetch(new URL(`/api/v1${path}`, url), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message
    throw new CliError(
      'unreachable',
      `No Fleetwire server answers at ${url} (${cause}). Start one with: fleetwire serve`,
    )
  }
  if (response.status === 204) return undefined as T
  const text = await response.text()
  if (response.ok) return JSON.parse(text) as T
  let message = text
  try {
    message = (JSON.parse(text) as RestError).message
  } catch {
    // Not ours: a proxy answered. Its text is all there is.
  }
  throw new CliError(
    response.status === 401 || response.status === 403 ? 'denied' : 'failed',
    `${message} (${response.status})`,
  )
}

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
