import type { EventPayloads } from '@fleetwire/protocol'

export type PatchOperation = EventPayloads['state:patch']['patch'][number]

/**
 * How much work one patch may cause, in array elements that move by one. Any other step (a name in a path, a compared
 * value, an examined key) costs as much as `STEP` of those. Measured, this takes at most about 20 ms, whatever the
 * operations are.
 */
export const MAX_PATCH_WORK = 50_000_000
const STEP = 400

/** Deeper than any value may be, so a longer path leads nowhere. */
const MAX_POINTER_TOKENS = 200

/** Why an operation failed: it is wrong, the work so far exceeds `MAX_PATCH_WORK`, or it copies too much. */
export type PatchFlaw = 'wrong' | 'work' | 'copies'

export class PatchFailure extends Error {
  readonly operation: number
  readonly flaw: PatchFlaw

  constructor(operation: number, flaw: PatchFlaw, message: string) {
    super(message)
    this.operation = operation
    this.flaw = flaw
  }
}

type Container = Record<string, unknown> | unknown[]

class Flaw extends Error {
  readonly flaw: PatchFlaw

  constructor(message: string, flaw: PatchFlaw = 'wrong') {
    super(message)
    this.flaw = flaw
  }
}

/** The tokens of a JSON pointer (RFC 6901). */
function tokensOf(pointer: string): string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/')) throw new Flaw('a path must begin with /')
  const tokens = pointer.slice(1).split('/', MAX_POINTER_TOKENS + 1)
  if (tokens.length > MAX_POINTER_TOKENS) throw new Flaw('the path does not exist')
  return tokens.map(token => {
    if (!token.includes('~')) return token
    if (/~(?![01])/.test(token)) throw new Flaw('~ must be followed by 0 or 1')
    return token.replaceAll('~1', '/').replaceAll('~0', '~')
  })
}

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null

/** An array index as RFC 6901 writes it: without a sign and without leading zeros. */
function indexOf(token: string, limit: number): number {
  const index = /^(0|[1-9]\d{0,8})$/.test(token) ? Number(token) : Number.NaN
  if (!(index < limit)) throw new Flaw('there is no such index')
  return index
}

/** The document to which a patch is applied in place. After a failure the caller must discard it. */
class Patching {
  document: unknown
  #left = MAX_PATCH_WORK
  /** How many bytes of JSON may still be copied. */
  #copyBytesLeft: number

  constructor(document: unknown, copyLimitBytes: number) {
    this.document = document
    this.#copyBytesLeft = copyLimitBytes
  }

  apply({ op, path, from, value }: PatchOperation): void {
    this.#spend(STEP)
    const target = tokensOf(path)
    switch (op) {
      case 'add':
        this.#add(target, clone(given(value)))
        break
      case 'remove':
        this.#remove(target)
        break
      case 'replace':
        this.#replace(target, clone(given(value)))
        break
      case 'move': {
        const source = tokensOf(given(from))
        if (path.startsWith(`${from}/`)) throw new Flaw('a value cannot be moved into itself')
        if (path === from) this.#get(source)
        else this.#add(target, this.#remove(source))
        break
      }
      case 'copy':
        this.#add(target, this.#copy(this.#get(tokensOf(given(from)))))
        break
      case 'test':
        if (!this.#equal(this.#get(target), given(value))) throw new Flaw('the value is different')
        break
      default:
        op satisfies never
    }
  }

  #spend(work: number): void {
    this.#left -= work
    if (this.#left < 0) throw new Flaw('too much work', 'work')
  }

  #get(tokens: readonly string[]): unknown {
    this.#spend(STEP * tokens.length)
    let value = this.document
    for (const token of tokens) value = member(value, token)
    return value
  }

  #parent(tokens: readonly string[]): { parent: Container; name: string } {
    const parent = this.#get(tokens.slice(0, -1))
    if (!isContainer(parent)) throw new Flaw('the parent is neither an object nor an array')
    return { parent, name: tokens.at(-1)! }
  }

  #add(tokens: readonly string[], value: unknown): void {
    if (tokens.length === 0) {
      this.document = value
      return
    }
    const { parent, name } = this.#parent(tokens)
    if (!Array.isArray(parent)) set(parent, name, value)
    else if (name === '-') parent.push(value)
    else {
      const index = indexOf(name, parent.length + 1)
      if (index < parent.length) this.#spend(parent.length)
      parent.splice(index, 0, value)
    }
  }

  #remove(tokens: readonly string[]): unknown {
    if (tokens.length === 0) {
      const removed = this.document
      this.document = null
      return removed
    }
    const { parent, name } = this.#parent(tokens)
    const removed = member(parent, name)
    if (Array.isArray(parent)) {
      const index = indexOf(name, parent.length)
      if (index < parent.length - 1) this.#spend(parent.length)
      parent.splice(index, 1)
    } else delete parent[name]
    return removed
  }

  #replace(tokens: readonly string[], value: unknown): void {
    if (tokens.length === 0) {
      this.document = value
      return
    }
    const { parent, name } = this.#parent(tokens)
    member(parent, name)
    if (Array.isArray(parent)) parent[indexOf(name, parent.length)] = value
    else set(parent, name, value)
  }

  #copy(value: unknown): unknown {
    // A plain string counts as well: a long one, copied by thousands of operations, would fill the memory.
    const text = JSON.stringify(value)
    this.#copyBytesLeft -= text.length
    if (this.#copyBytesLeft < 0) throw new Flaw('too much is copied', 'copies')
    return isContainer(value) ? JSON.parse(text) : value
  }

  #equal(a: unknown, b: unknown): boolean {
    this.#spend(STEP)
    if (!isContainer(a) || !isContainer(b)) return a === b
    if (Array.isArray(a) !== Array.isArray(b)) return false
    if (Array.isArray(a)) {
      const other = b as unknown[]
      return a.length === other.length && a.every((item, i) => this.#equal(item, other[i]))
    }
    const keys = Object.keys(a)
    this.#spend(STEP * keys.length)
    const other = b as Record<string, unknown>
    if (keys.length !== Object.keys(other).length) return false
    return keys.every(key => Object.hasOwn(other, key) && this.#equal(a[key], other[key]))
  }
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Flaw('value or from is missing')
  return value
}

/** Cloned, because the patch is published as it arrived and later operations must not change it. */
const clone = (value: unknown): unknown => (isContainer(value) ? JSON.parse(JSON.stringify(value)) : value)

function member(value: unknown, token: string): unknown {
  if (Array.isArray(value)) return value[indexOf(token, value.length)]
  if (!isContainer(value) || !Object.hasOwn(value, token)) throw new Flaw('there is no such value')
  return (value as Record<string, unknown>)[token]
}

function set(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') throw new Flaw('this name is not allowed')
  object[name] = value
}

/**
 * Applies RFC 6902 operations to `document`. The document must be the caller's own: it is changed in place, even if the
 * patch fails. `copyLimitBytes`: how much all `copy` operations together may add; without a limit each could double the
 * state. Throws PatchFailure.
 */
export function applyPatch(document: unknown, patch: readonly PatchOperation[], copyLimitBytes: number): unknown {
  const patching = new Patching(document, copyLimitBytes)
  for (const [i, operation] of patch.entries()) {
    try {
      patching.apply(operation)
    } catch (error) {
      if (error instanceof Flaw) throw new PatchFailure(i, error.flaw, error.message)
      // Patches can nest a value deeper than the stack allows: such a value is not kept.
      if (error instanceof RangeError) throw new PatchFailure(i, 'wrong', 'it is nested too deep')
      throw error
    }
  }
  return patching.document
}
