/** What is wrong with a value. `path` is a JSON pointer; `message` says what was expected there. */
export interface Flaw {
  readonly path: string
  readonly message: string
}

/** Checks a value: returns its first flaw, or undefined if there is none. */
export type Check = (value: unknown) => Flaw | undefined

// The building blocks of the generated checks. Their names are short because each appears many hundred times.

type Fields = Record<string, unknown>

export const flaw = (message: string, path = ''): Flaw => ({ path, message })
const required: Flaw = flaw('is required')
const noString = flaw('expected string')
const noInteger = flaw('expected integer')
const noNumber = flaw('expected number')
const noObject = flaw('expected object')
const noArray = flaw('expected array')

const pointer = (key: string) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
const under = (key: string, { path, message }: Flaw): Flaw => flaw(message, pointer(key) + path)

/** A string with a length and a pattern; `named` describes the pattern in words. */
export function t(
  value: unknown,
  least = 0,
  most = Number.POSITIVE_INFINITY,
  pattern?: RegExp,
  named?: string,
): Flaw | undefined {
  if (typeof value !== 'string') return noString
  const { length } = value
  if (length >= least && length <= most && (pattern === undefined || pattern.test(value))) return undefined
  if (named !== undefined) return flaw(`expected ${named}`)
  if (length < least) return flaw(`expected string length greater or equal to ${least}`)
  if (length > most) return flaw(`expected string length less or equal to ${most}`)
  return flaw(`expected string to match '${pattern?.source.replaceAll('\\/', '/')}'`)
}

function within(value: number, name: string, least: number, most: number): Flaw | undefined {
  if (value > most) return flaw(`expected ${name} to be less or equal to ${most}`)
  return value < least ? flaw(`expected ${name} to be greater or equal to ${least}`) : undefined
}

/** An integer within bounds. */
export const i = (value: unknown, least: number, most: number): Flaw | undefined =>
  Number.isInteger(value) ? within(value as number, 'integer', least, most) : noInteger

/** A number within bounds. */
export const n = (value: unknown, least: number, most: number): Flaw | undefined =>
  Number.isFinite(value) ? within(value as number, 'number', least, most) : noNumber

/** An object. */
export const o: Check = value =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : noObject

/** A required field of any value. */
export const h = (value: object, key: string): Flaw | undefined => (key in value ? undefined : required)

/** The flaw of an object whose field `key` has a flaw. */
export const e = (value: object, key: string, found: Flaw): Flaw =>
  under(key, Object.hasOwn(value, key) ? found : required)

/** Checks the number of fields. */
export function s(value: object, least: number, most: number): Flaw | undefined {
  const { length } = Object.getOwnPropertyNames(value)
  if (length < least) return flaw(`expected object to have at least ${least} properties`)
  return length > most ? flaw(`expected object to have no more than ${most} properties`) : undefined
}

/** Fields that are not in the schema: none are allowed, or only those that `check` accepts. */
export function x(value: object, known: readonly string[], check?: Check): Flaw | undefined {
  for (const key of Object.getOwnPropertyNames(value)) {
    if (known.includes(key)) continue
    const found = check === undefined ? flaw('unexpected property') : check((value as Fields)[key])
    if (found !== undefined) return under(key, found)
  }
  return undefined
}

/** Fields whose names match a pattern; if `closed`, no others are allowed. */
export function r(value: object, names: RegExp, check: Check | undefined, closed: boolean): Flaw | undefined {
  const entries = Object.entries(value)
  for (const [key, member] of entries) {
    const found = names.test(key) ? check?.(member) : undefined
    if (found !== undefined) return under(key, found)
  }
  const other = closed ? entries.find(([key]) => !names.test(key)) : undefined
  return other && under(other[0], flaw('unexpected property'))
}

/** The members of an array, and its length. */
export function a(value: unknown, check: Check | undefined, least: number, most: number): Flaw | undefined {
  if (!Array.isArray(value)) return noArray
  if (value.length < least) return flaw(`expected array length to be greater or equal to ${least}`)
  if (value.length > most) return flaw(`expected array length to be less or equal to ${most}`)
  if (check === undefined) return undefined
  for (let i = 0; i < value.length; i++) {
    const found = check(value[i])
    if (found !== undefined) return under(String(i), found)
  }
  return undefined
}

/** One of several constants. */
export const c = (value: unknown, constants: readonly unknown[]): Flaw | undefined =>
  constants.includes(value) ? undefined : value === undefined ? required : oneOf(constants)

const oneOf = (constants: readonly unknown[], path = '') =>
  flaw(`expected one of ${constants.map(constant => JSON.stringify(constant)).join(', ')}`, path)

/** A member of a union: its JSON type, its check and, if the union has a discriminating field, that field's value. */
export type Form = readonly [type: string, check: Check | undefined, tag?: unknown]

const typeName = (value: unknown) => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value)

/**
 * The flaw of a value that matches no member of a union. If it is clear which member was meant, reports that member's
 * flaw, which is more specific.
 */
export function u(value: unknown, forms: readonly Form[], tag?: string): Flaw | undefined {
  if (value === undefined) return required
  const type = typeName(value)
  const alike = forms.filter(form => form[0] === type)
  if (alike.length === 0) return flaw(`expected ${[...new Set(forms.map(form => form[0]))].join(' or ')}`)
  const isTagged = tag !== undefined && type === 'object'
  const meant = isTagged ? alike.find(form => form[2] === (value as Fields)[tag]) : alike[0]
  return meant === undefined
    ? oneOf(
        alike.map(form => form[2]),
        pointer(tag ?? ''),
      )
    : meant[1]?.(value)
}
