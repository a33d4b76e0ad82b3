import AjvCompiler from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { ErrorCode } from '@fleetwire/protocol'
import * as protocol from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { errorResponses } from '../src/route-errors.ts'
import { shareSchemas } from '../src/shared-schemas.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** What the route itself refuses with; what stands before every route is added to its document. */
    refusals?: readonly ErrorCode[]
  }
}

type Build = ReturnType<typeof AjvCompiler>
type Shared = Parameters<Build>[0]
type BuildSerializer = ReturnType<typeof SerializerSelector>

const common = { useDefaults: true, removeAdditional: false, allErrors: false }

/**
 * Bodies are taken as they are: what does not fit is refused, never bent or dropped. Query strings and path parameters
 * are text, so they are coerced. Schemas with an `$id` become references, in validation and in the API document.
 */
export default fp(
  async app => {
    const compiler = AjvCompiler()
    app.setSchemaController({
      compilersFactory: {
        buildValidator: ((externalSchemas: Shared) => {
          const strict = compiler(externalSchemas, { customOptions: { ...common, coerceTypes: false } })
          const coercing = compiler(externalSchemas, { customOptions: { ...common, coerceTypes: true } })
          return (route: AjvCompiler.RouteDefinition) => (route.httpPart === 'body' ? strict(route) : coercing(route))
        }) as Build,
        buildSerializer: serializers(SerializerSelector()),
      },
    })
    const { schemas, refer } = shareSchemas(Object.values(protocol))
    for (const schema of schemas) app.addSchema(schema)
    app.addHook('onRoute', route => {
      if (route.schema === undefined || route.schema.hide) return
      const { refusals = [], ...schema } = refer(route.schema)
      const { params, querystring, headers, body, response } = schema
      const errors = errorResponses({
        method: String(route.method),
        secured: schema.security?.length !== 0,
        limited: route.config?.rateLimit !== false,
        validated: [params, querystring, headers, body].some(part => part !== undefined),
        named: params !== undefined,
        refusals,
      })
      route.schema = { ...schema, response: { ...errors, ...(response as object) } }
    })
  },
  { name: 'fleetwire-schemas' },
)

/** Every route answers with the same errors, and many with the same record: each is compiled once, half of a start. */
function serializers(build: BuildSerializer): BuildSerializer {
  return (...shared) => {
    const compile = build(...shared)
    const known = new Map<string, ReturnType<typeof compile>>()
    return route => {
      const key = JSON.stringify(route.schema)
      const made = known.get(key) ?? compile(route)
      known.set(key, made)
      return made
    }
  }
}
