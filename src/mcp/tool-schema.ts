import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server'
import type { Static, TObject } from '@sinclair/typebox'
import { Value, type ValueError, ValueErrorType } from '@sinclair/typebox/value'

/**
 * A schema in the form that the MCP library takes. Numbers and booleans sent as text are converted, since models often
 * send them so; any other mismatch is reported in words.
 */
export function toolSchema<T extends TObject>(schema: T): StandardSchemaWithJSON<Static<T>> {
  const json = plain(JSON.parse(JSON.stringify(schema))) as Record<string, unknown>
  return {
    '~standard': {
      version: 1,
      vendor: 'fleetwire',
      jsonSchema: { input: () => json, output: () => json },
      validate: given => {
        const value = converted(schema, given)
        const flaw = Value.Errors(schema, value).First()
        if (flaw === undefined) return { value: value as Static<T> }
        return { issues: [{ message: flawInWords(schema, flaw) }] }
      },
    },
  }
}

/** The schema in keywords that every client understands: not all know `const` and `patternProperties`. */
function plain(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(plain)
  if (typeof schema !== 'object' || schema === null) return schema
  const { anyOf, patternProperties, ...rest } = schema as Record<string, unknown>
  const others = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, plain(value)]))
  const choices = Array.isArray(anyOf) ? anyOf.map(each => (each as { const?: unknown }).const) : []
  const isEnum = choices.length > 0 && choices.every(choice => typeof choice === 'string')
  const any = (patternProperties as { '^(.*)$'?: unknown } | undefined)?.['^(.*)$']
  return {
    ...others,
    ...(isEnum ? { type: 'string', enum: choices } : anyOf !== undefined && { anyOf: plain(anyOf) }),
    ...(any !== undefined && { additionalProperties: plain(any) }),
  }
}

function converted({ properties }: TObject, given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
  const known = (name: string) => (Object.hasOwn(properties, name) ? properties[name] : undefined)
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const schema = known(name)
      return [name, typeof value === 'string' && schema !== undefined ? Value.Convert(schema, value) : value]
    }),
  )
}

function flawInWords(schema: TObject, flaw: ValueError): string {
  const name = flaw.path.slice(1).replaceAll('/', '.')
  switch (flaw.type) {
    case ValueErrorType.ObjectAdditionalProperties:
      return `"${name}" is not an argument of this tool; it takes ${Object.keys(schema.properties).join(', ') || 'none'}.`
    case ValueErrorType.ObjectRequiredProperty:
      return `"${name}" is required.`
    default:
      return `"${name}" must be ${expected(flaw)}, not ${JSON.stringify(flaw.value)?.slice(0, 100)}.`
  }
}

function expected({ schema, message }: ValueError): string {
  const { anyOf, minimum, maximum, pattern, description } = schema as { [key: string]: unknown }
  const choices = Array.isArray(anyOf) ? anyOf.map(each => (each as { const?: unknown }).const) : []
  if (choices.length > 0 && choices.every(choice => choice !== undefined)) return `one of ${choices.join(', ')}`
  if (minimum !== undefined && maximum !== undefined) return `a whole number from ${minimum} to ${maximum}`
  if (pattern !== undefined && description !== undefined) return `of this form: ${description}`
  return message.replace(/^Expected /, '')
}
