import type { DestinationStream, LoggerOptions } from 'pino'
import { redactLine, redactUrl } from './redact.ts'

const GONE = '[redacted]'

interface LoggedRequest {
  method: string
  url: string
  host?: string
  ip?: string
}

/** What the log shows of a request. */
export const loggedRequest = ({ method, url, host, ip }: LoggedRequest) => ({
  method,
  url: redactUrl(url),
  host,
  remoteAddress: ip,
})

/**
 * Options of the server's own log. No line holds a token: of requests only the path is logged, credentials in logged headers
 * are redacted, and whatever else looks like one (in the message of some error) is taken out before the line is written.
 */
export function processLog(level: string, stream?: DestinationStream): LoggerOptions & { stream?: DestinationStream } {
  const headers = ['authorization', '["sec-websocket-protocol"]', 'cookie']
  const under = (path: string) => headers.map(name => `${path}${name.startsWith('[') ? '' : '.'}${name}`)
  return {
    level,
    redact: { paths: [...under('headers'), ...under('*.headers'), 'token', '*.token'], censor: GONE },
    serializers: { req: loggedRequest },
    hooks: { streamWrite: redactLine },
    ...(stream && { stream }),
  }
}
