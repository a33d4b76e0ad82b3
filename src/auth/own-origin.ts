const HOST = /^[^\s/?#@\\]+$/

/**
 * Whether a page of this origin was served by the host that a request asks. Only hosts are compared: a proxy that ends TLS
 * need not tell of it. The default port of the origin's scheme is equal to none.
 */
export function isOwnOrigin(origin: string, host: string): boolean {
  if (!HOST.test(host) || !URL.canParse(origin)) return false
  const page = new URL(origin)
  const own = `${page.protocol}//${host}`
  return /^https?:$/.test(page.protocol) && URL.canParse(own) && new URL(own).host === page.host
}
