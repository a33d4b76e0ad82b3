import { AgentIdPattern, Id, Role } from '@fleetwire/protocol'
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'

/** Seconds since the epoch, as RFC 7519 has it; bounded so that it is still a date in milliseconds. */
const NumericDate = Type.Number({ minimum: 0, maximum: 8.64e12 })

/** What a token must say. Other claims (`aud`, `iss`, `name` …) are the issuer's own and are left alone. */
export const Claims = Type.Object({
  sub: Id,
  role: Role,
  exp: NumericDate,
  iat: Type.Optional(NumericDate),
  nbf: Type.Optional(NumericDate),
  jti: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  agents: Type.Optional(Type.Array(AgentIdPattern, { maxItems: 100 })),
  scopes: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32 })),
})
export type Claims = Static<typeof Claims>

const compiled = TypeCompiler.Compile(Claims)

export const isClaims = (value: unknown): value is Claims => compiled.Check(value)

/** The first claim that is missing or has not the shape it must have: `role`. */
export function wrongClaim(value: unknown): string {
  return compiled.Errors(value).First()?.path.split('/')[1] ?? ''
}
