import { limits } from './limits.ts'

/**
 * The resources that a message subscribes to, in the generation of the protocol that has `subscriptions/listen`;
 * undefined for any other message. The library responds to such a message itself and passes it to no handler.
 */
export function listenedUris(message: unknown): readonly string[] | undefined {
  const { method, params } = (message ?? {}) as { method?: unknown; params?: unknown }
  if (method !== 'subscriptions/listen') return undefined
  const { notifications } = (params ?? {}) as { notifications?: { resourceSubscriptions?: unknown } }
  const uris = notifications?.resourceSubscriptions
  return Array.isArray(uris) ? [...new Set(uris.filter(uri => typeof uri === 'string'))] : []
}

export const tooMany = `At most ${limits.subscriptions} resources may be subscribed to at a time: unsubscribe from one.`

/** The response to a message that exceeds the limit. */
export const tooManyListened = (message: unknown) => ({
  jsonrpc: '2.0' as const,
  id: (message as { id: string | number }).id,
  error: { code: -32602, message: tooMany },
})
