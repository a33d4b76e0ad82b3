/** Where a page is asked for. */
export interface PageAddress {
  /** The path of the request, without its query. */
  path: string
  /** Where the server stands in its app; empty at the root. */
  appPrefix: string
  /** What proxies took from the front of the path; empty where that is not known. */
  proxyPrefix: string
}

/**
 * What `<base href>` says on a page: where the server begins. Without a known prefix it is relative, by the depth of the
 * path, and so right behind a proxy that removed a prefix and did not say which [RE19].
 */
export function basePath({ path, appPrefix, proxyPrefix }: PageAddress): string {
  const prefix = proxyPrefix + appPrefix
  if (prefix !== '') return `${prefix}/`
  const depth = path.split('/').length - 2
  return depth > 0 ? '../'.repeat(depth) : './'
}
