const HOST = /^[^\s/?#@\\]+$/

/**
 * Whether the host of this request also served the page with this origin. Only hosts are compared, since a proxy that
 * terminates TLS may not report it. The default port of the origin's scheme equals no port.
 */
export function isOwnOrigin(origin: string, host: string): boolean {
  if (!HOST.test(host) || !URL.canParse(origin)) return false
  const page = new URL(origin)
  const own = `${page.protocol}//${host}`
  return /^https?:$/.test(page.protocol) && URL.canParse(own) && new URL(own).host === page.host
}
