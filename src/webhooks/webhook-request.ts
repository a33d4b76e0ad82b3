import { type CreateWebhookBody, wireError } from '@fleetwire/protocol'
import { patternRefusal } from '../auth/permissions.ts'
import type { Principal } from '../auth/principal.ts'
import { type Refused, refused } from '../outcome.ts'
import { secretFlaw } from './signature.ts'
import { typeFlaw } from './webhook-filter.ts'
import type { WebhookSender } from './webhook-sender.ts'

type Fields = Partial<Pick<CreateWebhookBody, 'url' | 'topics' | 'events' | 'secret'>>

/** Why a request is not valid, checking only the fields present. `sight`: what the webhook may see. */
export async function requestRefusal(
  { url, topics = [], events = [], secret }: Fields,
  sight: Principal,
  sender: WebhookSender,
): Promise<Refused | undefined> {
  for (const pattern of topics) {
    const refusal = patternRefusal(sight, pattern)
    if (refusal?.code === 'invalid_frame') return bodyFlaw('topics', refusal.message)
    if (refusal !== undefined) return refused(refusal)
  }
  for (const pattern of events) {
    const flaw = typeFlaw(pattern)
    if (flaw !== undefined) return bodyFlaw('events', flaw)
  }
  const ofSecret = secret === undefined ? undefined : secretFlaw(secret)
  if (ofSecret !== undefined) return bodyFlaw('secret', ofSecret)
  // Last, since it uses the network.
  const ofUrl = url === undefined ? undefined : await sender.urlFlaw(url)
  return ofUrl === undefined ? undefined : bodyFlaw('url', ofUrl)
}

const bodyFlaw = (field: string, flaw: string): Refused =>
  refused(wireError('invalid_request', `body.${field}: ${flaw}`, { in: 'body', path: `/${field}` }))
