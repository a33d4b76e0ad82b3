import { isDeeper, MAX_VALUE_DEPTH, type PublishEvent, TOO_DEEP, type WireError, wireError } from '@fleetwire/protocol'
import { canSeeAgent } from '../auth/permissions.ts'
import type { Principal } from '../auth/principal.ts'
import { customDraft } from '../log/draft.ts'
import type { EventDraft } from '../log/event-log.ts'

/** Where backends may publish; no record can be written so. */
const PUBLIC_TOPIC =
  /^(?:tasks\.[A-Za-z0-9_-]{1,64}\.events|users\.[A-Za-z0-9_-]{1,64}\.inbox|agents\.([A-Za-z0-9_-]{1,64})\.log)$/
const MAX_PAYLOAD_BYTES = 64 * 1024

export type Publication = { draft: EventDraft } | { refusal: WireError }
const NO_JSON = wireError('invalid_request', 'payload: is no JSON.')

/** What a publication appends, or why it may not: the rules for everybody. */
export function draftOfPublication({ topic, type, payload }: PublishEvent): Publication {
  if (!PUBLIC_TOPIC.test(topic)) {
    const message = `"${topic.slice(0, 80)}": events are published to tasks.*.events, users.*.inbox and agents.*.log.`
    return { refusal: wireError('forbidden', message, { topic }) }
  }
  const flaw = payloadFlaw(payload)
  return flaw === undefined ? { draft: customDraft(type, topic, payload) } : { refusal: flaw }
}

/** The same for the bearer of a token, who sees some agents only. */
export function publicationOf(principal: Principal, event: PublishEvent): Publication {
  const agentId = PUBLIC_TOPIC.exec(event.topic)?.[1]
  if (agentId !== undefined && !canSeeAgent(principal, agentId))
    return { refusal: wireError('not_found', `There is no agent "${agentId}".`) }
  return draftOfPublication(event)
}

function payloadFlaw(payload: unknown): WireError | undefined {
  // First: too deep a value overflows the stack of the one that writes it, and a circle has no end.
  if (isDeeper(payload, MAX_VALUE_DEPTH)) return wireError('invalid_request', `payload: ${TOO_DEEP}.`)
  let text: string | undefined
  try {
    text = JSON.stringify(payload)
  } catch {
    return NO_JSON
  }
  if (text === undefined) return NO_JSON
  const bytes = Buffer.byteLength(text)
  return bytes <= MAX_PAYLOAD_BYTES
    ? undefined
    : wireError('too_large', `payload: ${bytes} bytes; at most ${MAX_PAYLOAD_BYTES}.`)
}
