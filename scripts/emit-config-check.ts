import { Ajv } from 'ajv'
import ucs2length from 'ajv/dist/runtime/ucs2length.js'
import standalone from 'ajv/dist/standalone/index.js'
import { ConfigSchema } from '../src/config-schema.ts'

/**
 * Emits the validation of the configuration as a module, so that no start loads a schema compiler. The check converts
 * the texts of environment variables, sets defaults, and drops unknown settings.
 */
export function emitConfigCheck(): string {
  const ajv = new Ajv({
    allErrors: true,
    removeAdditional: true,
    useDefaults: true,
    coerceTypes: true,
    allowUnionTypes: true,
    code: { source: true, esm: true },
  })
  const check = ajv.compile({ ...ConfigSchema, additionalProperties: false })
  const code = standalone
    .default(ajv, check)
    .replaceAll('require("ajv/dist/runtime/ucs2length").default', String(ucs2length.default))
  if (code.includes('require(')) throw new Error('The generated configuration check would still import ajv')
  const settings = Object.entries(ConfigSchema.properties)
  const names = settings.map(([name]) => name)
  const lists = settings.flatMap(([name, { type }]) => (type === 'array' ? [name] : []))
  return `${code}
export { validate as check }
export const names = ${JSON.stringify(names)}
export const lists = ${JSON.stringify(lists)}
`
}
