import { createRequire } from 'node:module'

type Compile = (route: object) => unknown
type Build = (shared: object, options: unknown) => Compile

/*
 * Each app compiles the schemas of a route on its first request. The apps of a test process have the same schemas, so
 * later apps reuse the compiled ones: compiling would take most of their time.
 */
const require = createRequire(import.meta.url)
const built = new Map<string, Compile>()

const once = (name: string, build: Build): Build => {
  return (shared, options) => {
    // An id names the same schema in all apps.
    const all = JSON.stringify([name, Object.keys(shared), options])
    const known = built.get(all)
    if (known !== undefined) return known
    const compile = build(shared, options)
    const compiled = new Map<string, unknown>()
    const remember: Compile = route => {
      const key = JSON.stringify(route)
      if (!compiled.has(key)) compiled.set(key, compile(route))
      return compiled.get(key)
    }
    built.set(all, remember)
    return remember
  }
}

/** Replaces the exports that `plugins/schemas.ts` requires when it first compiles. */
function replace<T>(name: string, by: (exports: T) => T): void {
  const exports = require(name) as T
  require.cache[require.resolve(name)]!.exports = by(exports)
}

replace('@fastify/ajv-compiler', (compiler: () => Build) => Object.assign(() => once('ajv', compiler()), compiler))
replace('@fastify/fast-json-stringify-compiler', (selector: () => Build) => {
  const SerializerSelector = () => once('serializers', selector())
  return Object.assign(SerializerSelector, selector, { default: SerializerSelector, SerializerSelector })
})
