import type { DestinationStream, LoggerOptions } from 'pino'
import { redactLine, redactUrl } from './redact.ts'

const GONE = '[redacted]'

interface LoggedRequest {
  method: string
  url: string
  host?: string
  ip?: string
}

/** The fields of a request that the log shows. */
export const loggedRequest = ({ method, url, host, ip }: LoggedRequest) => ({
  method,
  url: redactUrl(url),
  host,
  remoteAddress: ip,
})

/**
 * Options of the process log. No line contains a token: only the path of a request is logged, credentials in logged
 * headers are redacted, and anything else that looks like a token (say in an error message) is removed before a line is
 * written.
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
