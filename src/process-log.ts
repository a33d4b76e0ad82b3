import type { DestinationStream, LoggerOptions } from 'pino'

const GONE = '[redacted]'
const JWT = /eyJ[\w-]*\.[\w-]+\.[\w-]*/g

function nameOf(pair: string): string {
  const name = pair.split('=', 1)[0] ?? ''
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** A URL without its token, however the name of the parameter is escaped. */
export function redactUrl(url: string): string {
  const at = url.indexOf('?')
  if (at === -1) return url
  const pairs = url.slice(at + 1).split('&')
  return `${url.slice(0, at)}?${pairs.map(pair => (nameOf(pair) === 'token' ? `token=${GONE}` : pair)).join('&')}`
}

interface LoggedRequest {
  method: string
  url: string
  host?: string
  ip?: string
}

/**
 * Options of the server's own log. No line holds a token: requests are logged without it, credentials in logged headers
 * are redacted, and whatever else looks like a JWT (in the message of some error) is taken out before the line is written.
 */
export function processLog(level: string, stream?: DestinationStream): LoggerOptions & { stream?: DestinationStream } {
  const headers = ['authorization', '["sec-websocket-protocol"]', 'cookie']
  const under = (path: string) => headers.map(name => `${path}${name.startsWith('[') ? '' : '.'}${name}`)
  return {
    level,
    redact: { paths: [...under('headers'), ...under('*.headers'), 'token', '*.token'], censor: GONE },
    serializers: {
      req: ({ method, url, host, ip }: LoggedRequest) => ({ method, url: redactUrl(url), host, remoteAddress: ip }),
    },
    hooks: { streamWrite: line => (line.includes('eyJ') ? line.replace(JWT, GONE) : line) },
    ...(stream && { stream }),
  }
}
