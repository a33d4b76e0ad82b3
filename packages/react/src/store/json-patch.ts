import type { EventPayloads } from '@fleetwire/protocol'

type Operation = EventPayloads['state:patch']['patch'][number]
type Node = Record<string, unknown> | unknown[]

/** The value after an RFC 6902 patch that the server has already applied. Shares unchanged parts. */
export function patched(value: unknown, patch: readonly Operation[]): unknown {
  return patch.reduce(applied, value)
}

function applied(root: unknown, { op, path, from = '', value }: Operation): unknown {
  switch (op) {
    case 'add':
      return edited(root, tokens(path), insert(value))
    case 'replace':
      return edited(root, tokens(path), () => value)
    case 'remove':
      return edited(root, tokens(path), remove)
    case 'copy':
      return edited(root, tokens(path), insert(at(root, tokens(from))))
    case 'move':
      return edited(edited(root, tokens(from), remove), tokens(path), insert(at(root, tokens(from))))
    case 'test':
      return root
    default:
      op satisfies never
      return root
  }
}

const tokens = (path: string): string[] =>
  path
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))

const at = (root: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((node, token) => (node as Record<string, unknown> | undefined)?.[token], root)

type Edit = (parent: Node | undefined, token: string) => unknown
/** The edit has modified its parent itself. */
const DONE = Symbol('done')

const insert =
  (value: unknown): Edit =>
  (parent, token) => {
    if (!Array.isArray(parent)) return value
    parent.splice(token === '-' ? parent.length : Number(token), 0, value)
    return DONE
  }

const remove: Edit = (parent, token) => {
  if (Array.isArray(parent)) parent.splice(Number(token), 1)
  else if (parent !== undefined) delete parent[token]
  return DONE
}

/** Copies the nodes along the path, so that holders of the old value see no change. */
function edited(root: unknown, path: readonly string[], edit: Edit): unknown {
  const [token, ...rest] = path
  if (token === undefined) {
    const value = edit(undefined, '')
    return value === DONE ? undefined : value
  }
  const copy: Node = Array.isArray(root) ? [...root] : { ...(root as object) }
  const value = rest.length === 0 ? edit(copy, token) : edited((copy as Record<string, unknown>)[token], rest, edit)
  if (value === DONE) return copy
  if (!Array.isArray(copy) && token === '__proto__') {
    Object.defineProperty(copy, token, { value, enumerable: true, configurable: true, writable: true })
  } else (copy as Record<string, unknown>)[token] = value
  return copy
}
