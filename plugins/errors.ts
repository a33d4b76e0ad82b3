import { maxHeaderSize, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorCode, errorCodes, type WireError, wireError } from '@fleetwire/protocol'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { answerHeaders, rawAnswer } from '../src/raw-answer.ts'
import { restError } from '../src/rest-error.ts'
import { RouteTable } from '../src/route-table.ts'
import { validationMessage } from '../src/validation-message.ts'

declare module 'fastify' {
  interface FastifyInstance {
    routeTable: RouteTable
  }
  interface FastifyReply {
    /** Sends a refusal: the status and body for its code, and the headers that go with it. */
    refuse(error: WireError): FastifyReply
  }
}

/** Refusals by Fastify itself whose status alone would be too unspecific. */
const codes: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'bad_json',
  FST_ERR_CTP_BODY_TOO_LARGE: 'too_large',
}
const statuses: Record<number, ErrorCode> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  429: 'rate_limited',
  431: 'too_large',
  503: 'unavailable',
}
const codeOf = ({ code, statusCode = 500 }: Partial<FastifyError>): ErrorCode =>
  codes[code ?? ''] ?? statuses[statusCode] ?? (statusCode >= 500 ? 'internal' : 'invalid_request')

const RETRY_AFTER_MS = 1000
const METHOD_NOT_ALLOWED = 405
const UNSUPPORTED_MEDIA = 415
const noBody = wireError('invalid_request', 'body is required: send JSON with "Content-Type: application/json".', {
  in: 'body',
  path: '',
})

function refuse(this: FastifyReply, error: WireError): FastifyReply {
  const retryAfterMs = (error.details as { retryAfterMs?: number } | undefined)?.retryAfterMs
  if (error.code === 'unauthorized') this.header('WWW-Authenticate', 'Bearer')
  if (retryAfterMs !== undefined) this.header('Retry-After', Math.ceil(retryAfterMs / 1000))
  return this.code(errorCodes[error.code].status).send(restError(error))
}

/** Says what to do about an error where Fastify's message says only what was wrong. */
function adviceOf({ code, message }: FastifyError, { routeOptions }: FastifyRequest): string {
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return `The body is larger than ${routeOptions.bodyLimit} bytes: send less at once.`
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return 'The Content-Type is malformed: send JSON with "Content-Type: application/json".'
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return 'The length of the body does not match Content-Length: send its length in bytes.'
    default:
      return message
  }
}

function onError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { statusCode = 500, validation, validationContext = 'body' } = error
  if (validation !== undefined) {
    // An empty body counts as no body, which Fastify validates as `null`.
    if (validationContext === 'body' && request.body === undefined) return reply.refuse(noBody)
    return reply.refuse(validationMessage(validation, validationContext))
  }
  const code = codeOf(error)
  if (statusCode === UNSUPPORTED_MEDIA) reply.header('Accept', 'application/json')
  if (statusCode < 500) {
    return reply.code(statusCode).send(restError(wireError(code, adviceOf(error, request)), statusCode))
  }
  // Internals belong in the log only: they could teach a caller how to break more.
  request.log.error({ err: error }, 'request failed')
  if (code === 'unavailable')
    return reply.refuse(wireError(code, errorCodes[code].meaning, { retryAfterMs: RETRY_AFTER_MS }))
  return reply.code(errorCodes[code].status).send(restError(wireError(code, errorCodes[code].meaning)))
}

/**
 * Handles errors that precede routing, such as a path that cannot be decoded. Passed to Fastify when the server is
 * created.
 */
export function frameworkErrors(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode = 400 } = error
  reply
    .headers(answerHeaders)
    .code(statusCode)
    .send(
      restError(
        wireError(
          codeOf(error),
          'The URL is not valid: check its percent-encoding ("%" and two hex digits for each byte of UTF-8).',
        ),
        statusCode,
      ),
    )
}

const noRequest: Record<string, [statusCode: number, message: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time: send it in full, without long pauses.'],
  HPE_HEADER_OVERFLOW: [431, `The headers are larger than ${maxHeaderSize} bytes: send fewer or shorter ones.`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions are too large: send none.'],
}

/** Handles input that is not an HTTP request at all. The packet is not logged, since it may contain a token. */
export function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [statusCode, message] = noRequest[error.code ?? ''] ?? [400, 'This is not a valid HTTP request.']
  const body = restError(wireError(codeOf({ statusCode }), message), statusCode)
  // If a response is already being sent, this one would end up in the middle of it.
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null }
  if (!socket.writable || answer?.headersSent) socket.destroy()
  // With only an `end()`, the socket would stay open until the peer ends its side.
  else socket.end(rawAnswer(body), () => socket.destroy())
}

/** Gives every error the same shape, whether it comes from Fastify, a plugin or this code. */
export default fp(
  async app => {
    app.decorateReply('refuse', refuse)
    app.setErrorHandler(onError)
    const routeTable = new RouteTable()
    app.decorate('routeTable', routeTable)
    app.addHook('onRoute', ({ url, method, websocket }) => {
      // A route that the CORS plugin adds for preflights.
      if (!url.endsWith('*') || method !== 'OPTIONS') routeTable.add(url, [method].flat(), websocket === true)
    })
    function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
      const { method, url } = request
      const [path] = url.split('?', 1)
      const methods = routeTable.methodsOf(url)
      // The path of an asset that does not exist matches a route, and that route has this method.
      if (methods.length === 0 || methods.includes(method))
        return reply.refuse(wireError('not_found', `There is no ${method} ${path}.`))
      const allowed = methods.join(', ')
      const refusal = wireError('invalid_request', `There is no ${method} ${path}: the path accepts ${allowed}.`)
      return reply.code(METHOD_NOT_ALLOWED).header('Allow', allowed).send(restError(refusal, METHOD_NOT_ALLOWED))
    }
    app.setNotFoundHandler(notFound)
    // Refuses a request to an unknown route before its body is parsed.
    app.addHook('preParsing', (request, reply, _payload, done) => {
      if (request.is404) notFound(request, reply)
      else done()
    })
  },
  { name: 'fleetwire-errors' },
)
