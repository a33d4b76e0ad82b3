import { type WireError, wireError } from '@fleetwire/protocol'
import { may, patternRefusal } from '../../src/auth/permissions.ts'
import { type Dashboard, MAX_PATTERNS } from './dashboard.ts'

export type PatternVerdict =
  | { status: 'ok'; allowed: string[]; refused: WireError[] }
  /** None of them counts. */
  | { status: 'refused'; error: WireError }

/** Which of the patterns this client may have; those are noted as wanted. */
export function claimPatterns(
  { connection: { principal }, wanted }: Dashboard,
  patterns: readonly string[],
): PatternVerdict {
  if (!may(principal, 'read')) return { status: 'refused', error: wireError('forbidden', 'This token may not read.') }
  const allowed: string[] = []
  const refused: WireError[] = []
  let more = 0
  for (const pattern of new Set(patterns)) {
    const refusal = patternRefusal(principal, pattern)
    if (refusal !== undefined) refused.push(refusal)
    else {
      allowed.push(pattern)
      if (!wanted.has(pattern)) more++
    }
  }
  if (wanted.size + more > MAX_PATTERNS) {
    const message = `A connection may have ${MAX_PATTERNS} patterns; ${wanted.size} are in use. Wildcards cover more with fewer.`
    return { status: 'refused', error: wireError('subscription_limit', message, { limit: MAX_PATTERNS }) }
  }
  for (const pattern of allowed) wanted.add(pattern)
  return { status: 'ok', allowed, refused }
}
