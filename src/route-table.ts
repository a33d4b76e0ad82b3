interface Entry {
  readonly path: RegExp
  readonly methods: Set<string>
  readonly isSocket: boolean
}

const FULL_URL = /^https?:\/\/[^/]*/i

/** The path of a URL as a router sees it; undefined if it cannot be decoded. */
function pathOf(url: string): string | undefined {
  const [path = ''] = url.replace(FULL_URL, '').split(/[?#]/, 1)
  try {
    return decodeURI(path)
  } catch {
    return undefined
  }
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** `:name` matches one part of a path, a final `*` any rest. */
const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url.replace(/:\w+|\*$|[^:*]+/g, part => (part[0] === ':' ? '[^/]+' : part === '*' ? '.*' : escaped(part)))}$`,
  )

/** The methods of a path, over all routes that match it: the router itself answers for only one method at a time. */
export class RouteTable {
  readonly #entries = new Map<string, Entry>()

  add(url: string, methods: readonly string[], isSocket: boolean): void {
    const entry = this.#entries.get(url) ?? { path: patternOf(url), methods: new Set(), isSocket }
    for (const method of methods) {
      entry.methods.add(method)
      // For a prefix's root, Fastify does not announce a second spelling (`/docs/` for `/docs`), but does its HEAD.
      if (method === 'HEAD') entry.methods.add('GET')
    }
    this.#entries.set(url, entry)
  }

  /** In alphabetical order; empty if no route matches. */
  methodsOf(url: string): string[] {
    const path = pathOf(url)
    if (path === undefined) return []
    const methods = [...this.#entries.values()].flatMap(entry => (entry.path.test(path) ? [...entry.methods] : []))
    return [...new Set(methods)].sort()
  }

  /** The routes of WebSockets, as written. */
  sockets(): string[] {
    return [...this.#entries].flatMap(([url, { isSocket }]) => (isSocket ? [url] : []))
  }

  /** Whether this route, as written, is for WebSockets. */
  isSocketRoute(route: string | undefined): boolean {
    return route !== undefined && this.#entries.get(route)?.isSocket === true
  }

  /** Whether a WebSocket can be opened at this URL. */
  isSocket(url: string): boolean {
    const path = pathOf(url)
    return path !== undefined && [...this.#entries.values()].some(entry => entry.isSocket && entry.path.test(path))
  }
}
