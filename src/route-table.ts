interface Entry {
  readonly path: RegExp
  readonly methods: Set<string>
  readonly isSocket: boolean
}

const FULL_URL = /^https?:\/\/[^/]*/i

/** The path of a URL as a router sees it; undefined where it cannot be decoded. */
function pathOf(url: string): string | undefined {
  const [path = ''] = url.replace(FULL_URL, '').split(/[?#]/, 1)
  try {
    return decodeURI(path)
  } catch {
    return undefined
  }
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** `:name` stands for one part of a path, a last `*` for any rest. */
const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url.replace(/:\w+|\*$|[^:*]+/g, part => (part[0] === ':' ? '[^/]+' : part === '*' ? '.*' : escaped(part)))}$`,
  )

/** Which methods a path knows, whatever route each of them leads to: the router itself is only asked for one at a time. */
export class RouteTable {
  readonly #entries = new Map<string, Entry>()

  add(url: string, methods: readonly string[], isSocket: boolean): void {
    const entry = this.#entries.get(url) ?? { path: patternOf(url), methods: new Set(), isSocket }
    for (const method of methods) {
      entry.methods.add(method)
      // Fastify does not tell of the second spelling of a prefix's root, `/docs/` beside `/docs`, but of its HEAD.
      if (method === 'HEAD') entry.methods.add('GET')
    }
    this.#entries.set(url, entry)
  }

  /** In alphabetical order; empty where there is nothing. */
  methodsOf(url: string): string[] {
    const path = pathOf(url)
    if (path === undefined) return []
    const methods = [...this.#entries.values()].flatMap(entry => (entry.path.test(path) ? [...entry.methods] : []))
    return [...new Set(methods)].sort()
  }

  /** Where WebSockets can be opened, as their routes are written. */
  sockets(): string[] {
    return [...this.#entries].flatMap(([url, { isSocket }]) => (isSocket ? [url] : []))
  }

  /** Whether a WebSocket can be opened by this route, as it is written. */
  isSocketRoute(route: string | undefined): boolean {
    return route !== undefined && this.#entries.get(route)?.isSocket === true
  }

  /** Whether a WebSocket can be opened there. */
  isSocket(url: string): boolean {
    const path = pathOf(url)
    return path !== undefined && [...this.#entries.values()].some(entry => entry.isSocket && entry.path.test(path))
  }
}
