import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RestError } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'

type Responses = Record<string, { description: string }>
interface Document {
  paths: Record<string, Record<string, { responses: Responses }>>
}

/** The codes that a response in the API document lists. */
export const codesOf = ({ description }: { description: string }): string[] =>
  [...description.matchAll(/`(\w+)`:/g)].map(([, code]) => code!)

type Routes = { matches: RegExp; methods: Record<string, { responses: Responses }> }[]

/** Shared, because all apps of a test process have the same routes, and building a document is slower than a request. */
let known: Routes | undefined

function routesOf(app: FastifyInstance): Routes {
  known ??= Object.entries((app.swagger() as unknown as Document).paths)
    // Routes that a test adds have no schema, and so no documentation.
    .filter(([, methods]) => Object.values(methods).every(({ responses }) => '500' in responses))
    .map(([path, methods]) => ({ matches: template(path), methods }))
    // `/interactions/respond` must not match the route of one interaction.
    .sort((a, b) => a.matches.source.split('[^').length - b.matches.source.split('[^').length)
  return known
}

const template = (path: string) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}/?$`)

/**
 * [RE17] Fails the test if a request is answered with a status or a code that the API document does not list for its
 * route. It checks what the server sends, whether a handler, a hook or Fastify wrote it.
 */
export function expectDocumented(t: Test, app: FastifyInstance): void {
  let routes: Routes | undefined
  const responsesOf = ({ method = '', url = '' }: IncomingMessage): Responses | undefined => {
    routes ??= routesOf(app)
    const path = url.split('?', 1)[0]!
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase()
    return routes.find(({ matches, methods }) => matches.test(path) && verb in methods)?.methods[verb]?.responses
  }

  app.server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const end = response.end
    response.end = ((...args: Parameters<typeof end>) => {
      const responses = responsesOf(request)
      const flaw = responses && undocumented(responses, response.statusCode, args[0])
      if (flaw !== undefined) t.fail(`${request.method} ${request.url} answered ${flaw}`)
      return end.apply(response, args)
    }) as typeof end
  })
}

/** Describes the part of an answer that its route does not document. */
export function undocumented(responses: Responses, status: number, body: unknown): string | undefined {
  const response = responses[status]
  if (response === undefined) return `${status}, which is not documented`
  if (status < 400 || typeof body !== 'string' || !body.startsWith('{')) return undefined
  const { code } = JSON.parse(body) as Partial<RestError>
  return code === undefined || codesOf(response).includes(code) ? undefined : `${status} ${code}, a code not documented`
}
