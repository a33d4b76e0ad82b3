import type { Flaw } from './check/rules.ts'
import { claimsChecks } from './generated/checks.js'

/** The first invalid claim of a token, if there is one. An agent's subject must be an Id. */
export const claimsFlaw = (claims: unknown, isAgent: boolean): Flaw | undefined =>
  claimsChecks[isAgent ? 'agent' : 'person'](claims)
