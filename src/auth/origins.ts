/** The origins whose pages may call this server: the server's own, and the configured ones. */
export class Origins {
  readonly #any: boolean
  readonly #allowed: ReadonlySet<string>

  /** Comma-separated origins; `*` for any. */
  constructor(list: string) {
    const names = list.split(',').map(name => name.trim())
    this.#any = names.includes('*')
    this.#allowed = new Set(names.map(name => parse(name)?.origin).filter(origin => origin !== undefined))
  }

  /**
   * `host` is the request's Host header. Only hosts are compared for the server's own origin: behind a proxy that ends
   * TLS the server does not know its scheme.
   */
  allows(origin: string, host?: string): boolean {
    if (this.#any) return true
    const url = parse(origin)
    return url !== undefined && (this.#allowed.has(url.origin) || url.host === host?.toLowerCase())
  }
}

function parse(origin: string): URL | undefined {
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  return url === undefined || url.host === '' ? undefined : url
}
