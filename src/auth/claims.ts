import { type Claims, claimsFlaw, type Role } from '@fleetwire/protocol'
import { type ClaimRules, flawOfIssuer } from './claim-rules.ts'
import { roleOf } from './role-claim.ts'

/**
 * Checks the claims of a token whose signature was verified, except its age. `refusal` says which claim is wrong, and
 * why.
 */
export function readClaims(value: unknown, rules: ClaimRules): { claims: Claims } | { refusal: string } {
  if (typeof value !== 'object' || value === null) return { refusal: 'The token contains no claims.' }
  // Checked first: if a token is meant for another server, nothing else about it matters.
  const refusal = flawOfIssuer(value, rules)
  if (refusal !== undefined) return { refusal }
  const role = roleOf(value, rules.roleClaim)
  const claims: unknown = { ...value, role }
  const flaw = claimsFlaw(claims, role === 'agent')
  if (flaw === undefined) return { claims: claims as Claims }
  const wrong = flaw.path.split('/')[1] ?? ''
  return { refusal: refusalOf(wrong === 'role' ? rules.roleClaim : wrong, role, wrong) }
}

function refusalOf(claim: string, role: Role | undefined, wrong: string): string {
  if (wrong === 'role') {
    return `The claim "${claim}" of the token is missing or names none of the roles viewer, operator, admin and agent.`
  }
  const rule = wrong === 'sub' && role === 'agent' ? ': the subject of an agent is its id' : ''
  return `The claim "${claim}" of the token is missing or not valid${rule}.`
}
