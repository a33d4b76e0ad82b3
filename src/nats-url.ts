export interface NatsServers {
  /** Without logins, so that they can be shown. */
  readonly servers: readonly string[]
  /** The login of the first server that has one. */
  readonly login: { user?: string; pass?: string; token?: string }
}

/**
 * Parses addresses of NATS servers: `host`, `host:port`, `nats://…` or `tls://…`, with a login before an `@`. Throws an
 * Error that says which one is wrong and what is right, without its text, which may contain a part of a password.
 */
export function parseNatsUrls(urls: readonly string[]): NatsServers {
  const parsed = urls.map((url, n) => parseOne(url) ?? fail(urls.length === 1 ? '' : `/${n}`))
  return {
    servers: parsed.map(({ server }) => server),
    login: parsed.find(({ login }) => login !== undefined)?.login ?? {},
  }
}

function parseOne(url: string): { server: string; login?: NatsServers['login'] } | undefined {
  // No host has an @, so the last one ends the login.
  const [, scheme = '', userInfo, host = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(?:(.*)@)?([^@]*)$/i.exec(url) ?? []
  if (!['', 'nats://', 'tls://'].includes(scheme.toLowerCase()) || !isHost(host)) return undefined
  const server = `${scheme.toLowerCase()}${host.replace(/\/$/, '')}`
  if (userInfo === undefined) return { server }
  try {
    // As NATS tools read it: a login without a colon is a token, and a password may contain colons.
    const [user, pass] = /^([^:]*)(?::(.*))?$/s.exec(userInfo)!.slice(1).map(decoded)
    return { server, login: pass === undefined ? { token: user! } : { user: user!, pass } }
  } catch {
    return undefined
  }
}

const decoded = (text: string | undefined) => text && decodeURIComponent(text)

/** `host`, `host:port` or `[::1]:port`, and nothing after it. */
function isHost(host: string): boolean {
  if (!URL.canParse(`tcp://${host}`)) return false
  const { hostname, pathname, search, hash } = new URL(`tcp://${host}`)
  return hostname !== '' && ['', '/'].includes(pathname) && search === '' && hash === ''
}

function fail(place: string): never {
  throw new Error(
    `${place && `${place} `}must be the address of a NATS server, such as nats://10.0.0.5:4222 or tls://user:password@nats.example:4222 (in a password a % is written %25, a comma %2C)`,
  )
}
