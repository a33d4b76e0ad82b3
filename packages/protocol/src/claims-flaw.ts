import type { Flaw } from './check/rules.ts'
import { claimsChecks } from './generated/checks.js'

/** The first claim of a token that does not fit, where one does not; an agent's subject has to be an Id. */
export const claimsFlaw = (claims: unknown, isAgent: boolean): Flaw | undefined =>
  claimsChecks[isAgent ? 'agent' : 'person'](claims)
