import type { IncomingMessage } from 'node:http'
import type { FastifyBodyParser } from 'fastify'
import fp from 'fastify-plugin'

const JSON_TYPE = 'application/json'

/** The error handler needs only a status and a message. */
const refusal = (statusCode: number, message: string, code?: string) =>
  Object.assign(new Error(message), { statusCode, ...(code !== undefined && { code }) })

const isEmpty = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0

function wrongType(type: string | undefined): Error {
  const had = type ? `The content type "${type}" is not accepted here` : 'The body has no content type'
  const hint = type?.startsWith('application/x-www-form-urlencoded') ? ' (by default curl sends a form)' : ''
  return refusal(415, `${had}: send JSON with "Content-Type: ${JSON_TYPE}"${hint}.`)
}

/** Fastify does not report what is wrong with the JSON. */
function badJson(body: string): Error {
  const refused = (why: string) => refusal(400, `The body is not valid JSON: ${why}.`, 'FST_ERR_CTP_INVALID_JSON_BODY')
  try {
    JSON.parse(body)
    return refused('"__proto__" and "constructor" with a "prototype" are not allowed as field names')
  } catch (error) {
    return refused((error as Error).message)
  }
}

/**
 * Bodies are JSON. An empty body counts as no body, whatever its content type: some clients set the type on every
 * request that could have a body, and an interrupt must not fail because of a header.
 */
export default fp(
  async app => {
    const parse = app.getDefaultJsonParser('error', 'error') as FastifyBodyParser<string>
    app.removeContentTypeParser([JSON_TYPE, 'text/plain'])
    app.addContentTypeParser<string>(JSON_TYPE, { parseAs: 'string' }, (request, body, done) => {
      if (body.trim() === '') return done(null)
      return parse(request, body, (error, value) => (error ? done(badJson(body)) : done(null, value)))
    })
    app.addContentTypeParser('*', (request, payload, done) => {
      const { headers } = request
      const refuse = () => done(wrongType(headers['content-type']))
      // Only a body with a content length can be refused before it arrives.
      if (headers['transfer-encoding'] === undefined) refuse()
      else payload.once('data', refuse).once('end', () => done(null))
    })
    // Runs after the check that the route exists.
    app.addHook('preParsing', (request, reply, _payload, done) => {
      const { raw } = request
      const encoding = raw.headers['content-encoding']
      if (isEmpty(raw)) delete raw.headers['content-type']
      else if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
        reply.header('Accept-Encoding', 'identity')
        return done(refusal(415, `The body is encoded (${encoding}): send it unencoded, without Content-Encoding.`))
      }
      done()
    })
  },
  { name: 'fleetwire-bodies' },
)
