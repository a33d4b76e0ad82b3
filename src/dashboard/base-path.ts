/** The path at which a page is requested. */
export interface PageAddress {
  /** The path of the request, without its query. */
  path: string
  /** Where the server is mounted in its app; empty at the root. */
  appPrefix: string
  /** The path prefix that proxies removed; empty if unknown. */
  proxyPrefix: string
}

/**
 * The `<base href>` of a page: the path at which the server starts. Without a known prefix it is relative, by the depth
 * of the path, so it is right even behind a proxy that removed a prefix without saying which [RE19].
 */
export function basePath({ path, appPrefix, proxyPrefix }: PageAddress): string {
  const prefix = proxyPrefix + appPrefix
  if (prefix !== '') return `${prefix}/`
  const depth = path.split('/').length - 2
  return depth > 0 ? '../'.repeat(depth) : './'
}
