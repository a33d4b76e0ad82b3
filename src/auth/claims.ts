import { AgentIdPattern, Id, Jti, Role, Subject } from '@fleetwire/protocol'
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { type ClaimRules, flawOfIssuer } from './claim-rules.ts'
import { roleOf } from './role-claim.ts'

/** Seconds since the epoch (RFC 7519), bounded so that the same time in milliseconds is still a date. */
const NumericDate = Type.Number({ minimum: 0, maximum: 8.64e12 })

/** The claims of a token, with its role taken from where the issuer puts it. Other claims (`name` …) are ignored. */
const fields = {
  exp: NumericDate,
  iat: Type.Optional(NumericDate),
  nbf: Type.Optional(NumericDate),
  jti: Type.Optional(Jti),
  agents: Type.Optional(Type.Array(AgentIdPattern, { maxItems: 100 })),
  scopes: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32 })),
}
export const Claims = Type.Object({ sub: Subject, role: Role, ...fields })
export type Claims = Static<typeof Claims>

const person = TypeCompiler.Compile(Claims)
/** The subject of an agent's token is the agent's id. */
const agent = TypeCompiler.Compile(Type.Object({ sub: Id, role: Role, ...fields }))

/**
 * Judges the claims of a token whose signature was verified, except its age. `refusal` says which claim is wrong, and
 * why.
 */
export function readClaims(value: unknown, rules: ClaimRules): { claims: Claims } | { refusal: string } {
  if (typeof value !== 'object' || value === null) return { refusal: 'The token holds no claims.' }
  // Checked first: if a token is meant for another server, nothing else about it matters.
  const refusal = flawOfIssuer(value, rules)
  if (refusal !== undefined) return { refusal }
  const role = roleOf(value, rules.roleClaim)
  const claims: unknown = { ...value, role }
  const schema = role === 'agent' ? agent : person
  if (schema.Check(claims)) return { claims }
  const wrong = schema.Errors(claims).First()?.path.split('/')[1] ?? ''
  return { refusal: refusalOf(wrong === 'role' ? rules.roleClaim : wrong, role, wrong) }
}

function refusalOf(claim: string, role: Role | undefined, wrong: string): string {
  if (wrong === 'role') {
    return `The claim "${claim}" of the token is missing or names no role: viewer, operator, admin or agent.`
  }
  const rule = wrong === 'sub' && role === 'agent' ? ': the subject of an agent is its id' : ''
  return `The claim "${claim}" of the token is missing or not valid${rule}.`
}
