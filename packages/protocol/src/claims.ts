import { type Static, Type } from '@sinclair/typebox'
import { Id, Jti, Subject } from './common.ts'
import { AgentIdPattern, Role } from './rest.ts'

/** Seconds since the epoch (RFC 7519), bounded so that the same time in milliseconds is still a date. */
const NumericDate = Type.Number({ minimum: 0, maximum: 8.64e12 })

const fields = {
  exp: NumericDate,
  iat: Type.Optional(NumericDate),
  nbf: Type.Optional(NumericDate),
  jti: Type.Optional(Jti),
  agents: Type.Optional(Type.Array(AgentIdPattern, { maxItems: 100 })),
  scopes: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32 })),
}
/** The claims of a token; `role` is read from where the issuer puts it. Other claims (`name` …) are ignored. */
export const Claims = Type.Object({ sub: Subject, role: Role, ...fields })
export type Claims = Static<typeof Claims>
/** The subject of an agent's token is the agent's id. */
export const AgentClaims = Type.Object({ sub: Id, role: Role, ...fields })
