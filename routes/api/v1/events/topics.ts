import { wireError } from '@fleetwire/protocol'
import { patternRefusal } from '../../../../src/auth/permissions.ts'
import type { Principal } from '../../../../src/auth/principal.ts'
import { type Refused, refused } from '../../../../src/outcome.ts'
import { MAX_PATTERNS } from '../../../ws/dashboard.ts'

/** The patterns of a query, or a refusal if the token may not read all of them. */
export function topicsOf(principal: Principal, text = '>'): { status: 'ok'; topics: string[] } | Refused {
  const topics = [...new Set(text.split(',').map(topic => topic.trim()))]
  if (topics.length > MAX_PATTERNS)
    return refused(
      wireError('subscription_limit', `At most ${MAX_PATTERNS} patterns; wildcards cover more with fewer.`),
    )
  for (const topic of topics) {
    const error = patternRefusal(principal, topic)
    if (error?.code === 'invalid_frame')
      return refused(wireError('invalid_request', `topics: ${error.message}`, error.details))
    if (error !== undefined) return refused(error)
  }
  return { status: 'ok', topics }
}
