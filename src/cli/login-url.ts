/** Addresses to listen on, at which nobody can be asked: what is on all of a machine is on its own one too. */
const onItself: Record<string, string> = { '0.0.0.0': '127.0.0.1', '[::]': 'localhost' }

/**
 * The link that logs a browser in at a server, with whatever path that stands under. The code is behind the `#`, which no
 * browser sends: only the page itself reads it.
 */
export function loginUrl(server: string, code: string): string {
  const url = new URL(server)
  url.hostname = onItself[url.hostname] ?? url.hostname
  url.pathname = url.pathname.replace(/\/*$/, '/')
  url.search = ''
  url.hash = `login=${code}`
  return url.href
}
