/**
 * Generates a module of values: schemas, objects that contain them, and plain values. Each schema is emitted once and
 * keeps TypeBox's symbols, so that it can still be part of other schemas.
 */
export function emitSchemas(values: Readonly<Record<string, unknown>>): string {
  const constants = new Map<string, string>()
  /** Values emitted so far: many schemas are part of many others. */
  const known = new Map<unknown, string>()

  function text(value: unknown): string {
    const before = known.get(value)
    if (before !== undefined) return before
    if (typeof value !== 'object' || value === null) {
      if (typeof value === 'function' || value === undefined)
        throw new Error('Functions stand in modules without schemas')
      return JSON.stringify(value)
    }
    if (Array.isArray(value)) return `[${value.map(text).join()}]`
    if (value instanceof Set) return `/* @__PURE__ */new Set(${text([...value])})`
    if (Object.getPrototypeOf(value) !== Object.prototype)
      throw new Error(
        `A ${value.constructor?.name} cannot be written: add it here, or move it to a module without schemas`,
      )
    const marks = Object.getOwnPropertySymbols(value).map(mark => `[${symbol(mark)}]:${text(Reflect.get(value, mark))}`)
    const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}:${text(field)}`)
    const literal = `{${[...marks, ...fields].join()}}`
    const written = marks.length === 0 ? literal : constant(literal)
    known.set(value, written)
    return written
  }
  function symbol(mark: symbol): string {
    const key = Symbol.keyFor(mark)
    if (key === undefined) throw new Error(`No other module can have ${String(mark)}`)
    return constant(`Symbol.for(${JSON.stringify(key)})`)
  }
  function constant(literal: string): string {
    const name = constants.get(literal) ?? `s${constants.size}`
    constants.set(literal, name)
    return name
  }

  const exported = Object.entries(values).map(([name, value]) => `export const ${name}=${text(value)}\n`)
  const lines = [...constants].map(([literal, name]) => `const ${name}=${literal}\n`)
  return lines.join('') + exported.join('')
}
