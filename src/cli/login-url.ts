/** Wildcard addresses are only for listening. A server that listens on one is reachable on the loopback address too. */
const onItself: Record<string, string> = { '0.0.0.0': '127.0.0.1', '[::]': 'localhost' }

/**
 * The link that logs a browser in, with the path prefix of the server if it has one. The code is in the fragment, which
 * browsers do not send: only the page itself reads it.
 */
export function loginUrl(server: string, code: string): string {
  const url = new URL(server)
  url.hostname = onItself[url.hostname] ?? url.hostname
  url.pathname = url.pathname.replace(/\/*$/, '/')
  url.search = ''
  url.hash = `login=${code}`
  return url.href
}
