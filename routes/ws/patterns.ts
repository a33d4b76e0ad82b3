import { type ErrorCode, type WireError, wireError } from '@fleetwire/protocol'
import { may, patternRefusal } from '../../src/auth/permissions.ts'
import { type Refused, refused } from '../../src/outcome.ts'
import { type Dashboard, MAX_PATTERNS } from './dashboard.ts'

/** How many of the refused patterns an error names. */
const NAMED = 20

export type PatternVerdict =
  /** `refused`: one error for all forbidden patterns, one for all invalid ones. */
  | { status: 'ok'; allowed: string[]; refused: WireError[] }
  /** None of the patterns is valid. */
  | Refused

/** Determines which of the patterns this client may have, and adds those to `wanted`. */
export function claimPatterns({ connection, wanted }: Dashboard, patterns: readonly string[]): PatternVerdict {
  const { principal } = connection
  spendOn(connection, patterns)
  if (!may(principal, 'read')) return refused(wireError('forbidden', 'This token may not read.'))
  const allowed: string[] = []
  const judged = new Map<ErrorCode, [topic: string, error: WireError][]>()
  let more = 0
  for (const pattern of new Set(patterns)) {
    const refusal = patternRefusal(principal, pattern)
    if (refusal !== undefined) {
      const alike = judged.get(refusal.code)
      if (alike === undefined) judged.set(refusal.code, [[pattern, refusal]])
      else alike.push([pattern, refusal])
    } else {
      allowed.push(pattern)
      if (!wanted.has(pattern)) more++
    }
  }
  if (wanted.size + more > MAX_PATTERNS) {
    const message = `A connection may have ${MAX_PATTERNS} patterns; ${wanted.size} are in use. Wildcards cover more with fewer.`
    return refused(wireError('subscription_limit', message, { limit: MAX_PATTERNS }))
  }
  for (const pattern of allowed) wanted.add(pattern)
  return { status: 'ok', allowed, refused: [...judged.values()].map(summary) }
}

/** The work for a frame grows with the number of its patterns, so every 64 of them count as one frame. */
export function spendOn(connection: Dashboard['connection'], patterns: readonly string[]): void {
  connection.spend(Math.ceil(patterns.length / MAX_PATTERNS) - 1)
}

/** After a change of rights: removes the patterns that this client may no longer have. Returns an error naming them. */
export function reclaimPatterns({ connection, wanted }: Dashboard): WireError | undefined {
  const refused = [...wanted].flatMap((pattern): [string, WireError][] => {
    const refusal = patternRefusal(connection.principal, pattern)
    return refusal === undefined ? [] : [[pattern, refusal]]
  })
  for (const [pattern] of refused) wanted.delete(pattern)
  return refused.length === 0 ? undefined : summary(refused)
}

/** One error for all patterns refused with the same code: with an error each, one frame could cause a thousand. */
function summary(refused: readonly [topic: string, error: WireError][]): WireError {
  const [topic, first] = refused[0]!
  if (refused.length === 1) return first
  const topics = refused.slice(0, NAMED).map(([topic]) => topic)
  const others = topics.slice(1).map(topic => JSON.stringify(topic))
  if (refused.length > NAMED) others.push(`${refused.length - NAMED} more`)
  const message = `${first.message} The same applies to ${others.join(', ')}.`
  return wireError(first.code, message, { topic, topics, count: refused.length })
}
