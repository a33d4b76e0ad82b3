import { createRequire } from 'node:module'
import type AjvCompiler from '@fastify/ajv-compiler'
import type { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import * as protocol from '@fleetwire/protocol'
import {
  type ErrorCode,
  findTooLarge,
  isDeeper,
  MAX_VALUE_DEPTH,
  TOO_DEEP,
  TOO_LARGE_NUMBER,
} from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { shareSchemas } from '../src/shared-schemas.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Compiles up to `most` of the schemas that no request has needed yet; returns how many. Throws if one cannot be
     * compiled.
     */
    compileSchemas(most?: number): number
  }
  interface FastifySchema {
    /**
     * The codes with which the route itself refuses. The API document adds those of the checks that precede every
     * route.
     */
    refusals?: readonly ErrorCode[]
  }
}

interface Validate {
  (body: unknown): unknown
  errors?: unknown
}
type Build = ReturnType<typeof AjvCompiler>
type Shared = Parameters<Build>[0]
type BuildSerializer = ReturnType<typeof SerializerSelector>
type Serialize = ReturnType<ReturnType<BuildSerializer>>

// Loaded by the first request that needs them: loading them takes as long as the rest of the start-up.
const require = createRequire(import.meta.url)
const validators = (): Build => (require('@fastify/ajv-compiler') as typeof AjvCompiler)()
const serializers = (): BuildSerializer =>
  (
    require('@fastify/fast-json-stringify-compiler') as { SerializerSelector: typeof SerializerSelector }
  ).SerializerSelector()

/**
 * Half of the compile time goes into checking the schemas, which are our own and covered by a test, and into optimising
 * generated code that the engine optimises anyway.
 */
const cheap = { validateSchema: false, code: { optimize: false } } as const
const FIRST_ERROR = 400
const { schemas, refer } = shareSchemas(Object.values(protocol))
const common = { useDefaults: true, removeAdditional: false, allErrors: false, ...cheap }

/**
 * Bodies are taken literally: a value that does not fit is refused, never converted or dropped. Query strings and path
 * parameters are text, so they are converted. Schemas with an `$id` become references, in validation and in the API
 * document.
 */
export default fp(
  async app => {
    const waiting = new Set<() => unknown>()
    /** Compiles on first use: a route pays for its own schemas, and start-up for none. */
    function later<T>(compile: () => T): () => T {
      let compiled: { it: T } | undefined
      const get = () => {
        compiled ??= { it: compile() }
        waiting.delete(get)
        return compiled.it
      }
      waiting.add(get)
      return get
    }
    app.decorate('compileSchemas', (most = Number.POSITIVE_INFINITY) => {
      let compiled = 0
      for (const get of waiting) {
        if (compiled === most) break
        get()
        compiled++
      }
      return compiled
    })
    app.setSchemaController({
      compilersFactory: {
        buildValidator: ((shared: Shared) => {
          const compilers = later(() => {
            const build = validators()
            return {
              strict: build(shared, { customOptions: { ...common, coerceTypes: false } }),
              coercing: build(shared, { customOptions: { ...common, coerceTypes: true } }),
            }
          })
          return (route: AjvCompiler.RouteDefinition) =>
            route.httpPart === 'body'
              ? keepable(validator(later(() => compilers().strict(route))))
              : validator(later(() => compilers().coercing(route)))
        }) as Build,
        buildSerializer: ((shared, options) => {
          const compiler = later(() => serializers()(shared, { ...options, ajv: cheap }))
          // Many routes share a response schema, so each serializer is compiled once.
          const known = new Map<string, Serialize>()
          return route => {
            // An embedding app may refuse requests in a hook, with its own body.
            if (Number(route.httpStatus) >= FIRST_ERROR) return data => JSON.stringify(data)
            const get = later(() => {
              const key = JSON.stringify(route.schema)
              const made = known.get(key) ?? compiler()(route)
              known.set(key, made)
              return made
            })
            return data => get()(data)
          }
        }) as BuildSerializer,
      },
    })
    for (const schema of schemas) app.addSchema(schema)
    app.addHook('onRoute', route => {
      if (route.schema !== undefined && !route.schema.hide) route.schema = { ...refer(route.schema) }
    })
  },
  { name: 'fleetwire-schemas' },
)

/** A validator as Fastify expects it: the last errors are a property of the function. */
function validator(get: () => Validate): Validate {
  const judge: Validate = value => {
    const validate = get()
    const verdict = validate(value)
    judge.errors = validate.errors
    return verdict
  }
  return judge
}

/** Applied to the body of every route: refuses values that cannot be stored unchanged (too deep, number too large). */
function keepable(validate: Validate): Validate {
  return body => {
    const [path, value] = Array.isArray(body) ? deepMember(body, MAX_VALUE_DEPTH + 1) : ['', body]
    const [field] = typeof value === 'object' && value !== null ? deepMember(value, MAX_VALUE_DEPTH) : []
    if (field !== undefined) return flaw('depth', `${path}${field}`, TOO_DEEP)
    const tooLarge = findTooLarge(body)
    if (tooLarge !== undefined) return flaw('number', tooLarge, TOO_LARGE_NUMBER)
    const verdict = validate(body)
    return verdict === false && validate.errors ? { error: validate.errors } : verdict
  }
}

const flaw = (keyword: string, instancePath: string, what: string) => ({
  error: [{ keyword, instancePath, params: {}, message: `is ${what}` }],
})

function deepMember(of: object, levels: number): [path?: string, value?: unknown] {
  const deep = Object.entries(of).find(([, value]) => isDeeper(value, levels))
  return deep === undefined ? [] : [`/${deep[0]}`, deep[1]]
}
