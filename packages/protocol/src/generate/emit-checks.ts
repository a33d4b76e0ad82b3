import { Kind, OptionalKind, type TSchema } from '@sinclair/typebox'

export type CheckTable = Readonly<Record<string, TSchema>>

const isOptional = (schema: TSchema) => OptionalKind in schema
const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)

/**
 * Generates checks as a module of plain functions: nothing is compiled at run time, and a browser loads neither schemas
 * nor TypeBox. The checks accept the same values as TypeBox, and report the first flaw in the words of
 * `src/generate/reference.ts`; a test compares the two. Equal code is emitted once: one function serves all schemas
 * with the same check.
 */
export class CheckWriter {
  readonly #constants = new Map<string, string>()

  /** Adds the functions for a schema and returns the name of its check; undefined if it accepts anything. */
  check(schema: TSchema): string | undefined {
    const body = this.#body(schema)
    return body && this.#constant('c', `v=>${body}`)
  }

  table(name: string, schemas: CheckTable): string {
    const entries = Object.entries(schemas).map(([type, schema]) => {
      const check = this.check(schema)
      if (check === undefined) throw new Error(`${name}: a payload that takes anything has no check (${type})`)
      return `  ${JSON.stringify(type)}: ${check},`
    })
    return `export const ${name} = {\n${entries.join('\n')}\n}\n`
  }

  /** The module's imports and functions, which must precede the code that uses them. */
  source(rules: string): string {
    const lines = [...this.#constants].map(([text, name]) => `const ${name}=${text}\n`)
    return `import { a, c, e, flaw, h, i, n, o, r, s, t, u, x } from ${JSON.stringify(rules)}\n${lines.join('')}`
  }

  #constant(prefix: string, text: string): string {
    const known = this.#constants.get(text)
    if (known !== undefined) return known
    const name = `${prefix}${this.#constants.size}`
    this.#constants.set(text, name)
    return name
  }

  #list = (items: readonly unknown[]) => this.#constant('l', JSON.stringify(items))
  #flaw = (message: string) => this.#constant('f', `/* @__PURE__ */flaw(${JSON.stringify(message)})`)
  #pattern = (source: string) => this.#constant('p', String(new RegExp(source)))

  #body(schema: TSchema): string | undefined {
    const kind = schema[Kind]
    switch (kind) {
      case 'Unknown':
        return undefined
      case 'Null':
        return `v===null?undefined:${this.#flaw('expected null')}`
      case 'Boolean':
        return `typeof v==='boolean'?undefined:${this.#flaw('expected boolean')}`
      case 'Literal':
        return `v===${JSON.stringify(schema.const)}?undefined:${this.#flaw(`expected ${typeof schema.const === 'string' ? `'${schema.const}'` : schema.const}`)}`
      case 'String':
        return this.#string(schema)
      case 'Number':
      case 'Integer':
        return this.#number(schema)
      case 'Array':
        only(schema, 'items', 'minItems', 'maxItems')
        return `a(v,${this.check(schema.items)},${schema.minItems ?? 0},${schema.maxItems ?? 'Infinity'})`
      case 'Union':
        return this.#union(schema.anyOf)
      case 'Record':
        return this.#record(schema)
      case 'Object':
        return this.#object(schema)
      default:
        throw new Error(`No check can be written for a schema of kind ${kind}: add it here and to check/rules.ts`)
    }
  }

  #string(schema: TSchema): string {
    only(schema, 'minLength', 'maxLength', 'pattern')
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, description } = schema
    if (pattern !== undefined) {
      const named = description === undefined ? '' : `,${JSON.stringify(lowerFirst(description))}`
      return `t(v,${minLength},${maxLength},${this.#pattern(pattern)}${named})`
    }
    return minLength === 0 && maxLength === Number.POSITIVE_INFINITY ? 't(v)' : `t(v,${minLength},${maxLength})`
  }

  #number(schema: TSchema): string {
    only(schema, 'minimum', 'maximum')
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema
    return `${schema[Kind] === 'Integer' ? 'i' : 'n'}(v,${minimum},${maximum})`
  }

  #union(forms: TSchema[]): string | undefined {
    if (forms.every(form => form.const !== undefined)) return `c(v,${this.#list(forms.map(form => form.const))})`
    const checks = forms.map(form => this.check(form))
    if (checks.includes(undefined)) return undefined
    const objects = forms.filter(form => form.type === 'object')
    const tag = Object.keys(objects[0]?.properties ?? {}).find(key =>
      objects.every(form => tagOf(form, key) !== undefined),
    )
    const told = forms.map((form, i) => {
      const value = tag !== undefined && form.type === 'object' ? `,${JSON.stringify(tagOf(form, tag))}` : ''
      return `[${JSON.stringify(form.type)},${checks[i]}${value}]`
    })
    const list = this.#constant('u', `[${told.join()}]`)
    return `${checks.map(check => `${check}(v)`).join('&&')}&&u(v,${list}${tag === undefined ? '' : `,${JSON.stringify(tag)}`})`
  }

  #record(schema: TSchema): string {
    only(schema, 'patternProperties', 'additionalProperties', 'minProperties', 'maxProperties')
    const [[pattern, value] = ['', {}]] = Object.entries(schema.patternProperties as Record<string, TSchema>)
    const closed = schema.additionalProperties === false
    return ['o(v)', ...size(schema), `r(v,${this.#pattern(pattern)},${this.check(value as TSchema)},${closed})`].join(
      '||',
    )
  }

  #object(schema: TSchema): string {
    only(schema, 'properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties')
    const { properties, additionalProperties } = schema as TSchema & {
      properties: Record<string, TSchema>
      additionalProperties?: boolean | TSchema
    }
    const known = () => this.#list(Object.keys(properties))
    const others =
      typeof additionalProperties === 'object'
        ? [`x(v,${known()},${this.check(additionalProperties)})`]
        : additionalProperties === false
          ? [`x(v,${known()})`]
          : []
    const fields = Object.entries(properties).flatMap(([key, property]) => {
      const check = this.check(property)
      const name = JSON.stringify(key)
      if (isOptional(property)) {
        return check === undefined ? [] : [`${this.#constant('c', `v=>v===undefined?v:${check}(v)`)}(v[k=${name}])`]
      }
      return [check === undefined ? `h(v,k=${name})` : `${check}(v[k=${name}])`]
    })
    const steps = ['o(v)', ...size(schema), ...others]
    if (fields.length === 0) return steps.join('||')
    return `{let k,y;return ${steps.join('||')}||(y=${fields.join('||')})&&e(v,k,y)}`
  }
}

const tagOf = (form: TSchema, key: string): unknown => form.properties?.[key]?.const

function size({ minProperties, maxProperties }: TSchema): string[] {
  if (minProperties === undefined && maxProperties === undefined) return []
  return [`s(v,${minProperties ?? 0},${maxProperties ?? 'Infinity'})`]
}

const annotations = ['type', '$id', 'description', 'default', 'examples', 'title']

/** Throws for a keyword that no check implements, because it would be ignored silently. */
function only(schema: TSchema, ...keywords: string[]): void {
  const unknown = Object.keys(schema).filter(key => !keywords.includes(key) && !annotations.includes(key))
  if (unknown.length > 0)
    throw new Error(
      `No check can be written for ${unknown.join(', ')} of a ${schema[Kind]}: add it here and to check/rules.ts`,
    )
}
