import type { Role } from '@fleetwire/protocol'

/** From lowest to highest: if a token has several roles, the highest counts. */
const ROLES: readonly Role[] = ['agent', 'viewer', 'operator', 'admin']

/**
 * The role in the claim at `path`: a string, several separated by spaces or commas, or an array. Unknown names mean
 * something to the issuer only and are ignored. Undefined if there is no known role.
 */
export function roleOf(claims: object, path: string): Role | undefined {
  const value = claimAt(claims, path)
  const texts = (Array.isArray(value) ? value : [value]).filter(item => typeof item === 'string')
  const named = new Set(texts.flatMap(text => text.split(/[\s,]+/)))
  return ROLES.findLast(role => named.has(role))
}

/**
 * The claim at a path such as `realm_access.roles`. A name may itself contain dots, as URLs do: the longest existing
 * name is tried first.
 */
function claimAt(claims: unknown, path: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined
  if (Object.hasOwn(claims, path)) return (claims as Record<string, unknown>)[path]
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const name = path.slice(0, dot)
    const found = Object.hasOwn(claims, name)
      ? claimAt((claims as Record<string, unknown>)[name], path.slice(dot + 1))
      : undefined
    if (found !== undefined) return found
  }
  return undefined
}
