import AjvCompiler from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import * as protocol from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { shareSchemas } from '../src/shared-schemas.ts'

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
    const error = { $ref: 'RestError#' }
    app.addHook('onRoute', route => {
      if (route.schema === undefined || route.schema.hide) return
      const schema = refer(route.schema)
      route.schema = { ...schema, response: { '4xx': error, '5xx': error, ...(schema.response as object) } }
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
