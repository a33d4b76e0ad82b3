/**
 * The resources that a message asks to be told of, in the generation of the protocol that has `subscriptions/listen`;
 * undefined for any other message. The library answers such a message itself and shows it to no handler.
 */
export function listenedUris(message: unknown): readonly string[] | undefined {
  const { method, params } = (message ?? {}) as { method?: unknown; params?: unknown }
  if (method !== 'subscriptions/listen') return undefined
  const { notifications } = (params ?? {}) as { notifications?: { resourceSubscriptions?: unknown } }
  const uris = notifications?.resourceSubscriptions
  return Array.isArray(uris) ? uris.filter(uri => typeof uri === 'string') : []
}
