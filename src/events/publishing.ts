import { type PublishEvent, type WireError, wireError } from '@fleetwire/protocol'
import { canSeeAgent, canSeeOwned, seesFleet } from '../auth/permissions.ts'
import type { Principal } from '../auth/principal.ts'
import { customDraft } from '../log/draft.ts'
import type { EventDraft } from '../log/event-log.ts'
import { notFound } from '../outcome.ts'
import { valueFlaw } from '../value-flaw.ts'

/** The topics on which backends may publish. None of them holds a record. */
const PUBLIC_TOPIC =
  /^(?:tasks\.[A-Za-z0-9_-]{1,64}\.events|users\.[A-Za-z0-9_-]{1,64}\.inbox|agents\.[A-Za-z0-9_-]{1,64}\.log)$/
const TASK_TOPIC = /^tasks\.([A-Za-z0-9_-]{1,64})\.events$/
const MAX_PAYLOAD_BYTES = 64 * 1024

export type Publication = { draft: EventDraft } | { refusal: WireError }
const NO_JSON = wireError('invalid_request', 'payload: is not JSON.')

/** The agent of the task that a topic is about; `absent`: there is no such task. */
export type TaskOwner = 'absent' | { agentId?: string }
export type FindOwner = (taskId: string) => Promise<TaskOwner>

/**
 * The draft that a publication appends, or why it is refused. These rules apply to every publisher. `owner`: the owner
 * of the task that it is about.
 */
export function draftOfPublication({ topic, type, payload }: PublishEvent, owner: TaskOwner = 'absent'): Publication {
  if (!PUBLIC_TOPIC.test(topic)) {
    const message = `"${topic.slice(0, 80)}": events can be published to tasks.*.events, users.*.inbox and agents.*.log.`
    return { refusal: wireError('forbidden', message, { topic }) }
  }
  const flaw = payloadFlaw(payload)
  if (flaw !== undefined) return { refusal: flaw }
  const agentId = owner === 'absent' ? undefined : owner.agentId
  return { draft: { ...customDraft(type, topic, payload), ...(agentId !== undefined && { agentId }) } }
}

/**
 * The same for the holder of a token. A token that sees only some agents may publish to those, and to tasks that it
 * sees.
 */
export function publicationOf(principal: Principal, event: PublishEvent, owner: TaskOwner = 'absent'): Publication {
  const hidden = hiddenFrom(principal, event.topic, owner)
  return hidden === undefined ? draftOfPublication(event, owner) : { refusal: notFound(...hidden) }
}

function hiddenFrom(principal: Principal, topic: string, owner: TaskOwner): [what: string, id: string] | undefined {
  if (seesFleet(principal) || !PUBLIC_TOPIC.test(topic)) return undefined
  const [root, id = ''] = topic.split('.')
  switch (root) {
    case 'agents':
      return canSeeAgent(principal, id) ? undefined : ['agent', id]
    case 'tasks':
      return owner !== 'absent' && canSeeOwned(principal, owner.agentId) ? undefined : ['task', id]
    default:
      return undefined
  }
}

/** The owners of the tasks that the events are about, each looked up once. Undefined if the log cannot be read now. */
export async function ownersOf(
  events: readonly PublishEvent[],
  find: FindOwner,
): Promise<(TaskOwner | undefined)[] | undefined> {
  const found = new Map<string, Promise<TaskOwner>>()
  const owners = events.map(({ topic }) => {
    const taskId = TASK_TOPIC.exec(topic)?.[1]
    if (taskId === undefined) return undefined
    const known = found.get(taskId) ?? find(taskId)
    found.set(taskId, known)
    return known
  })
  return Promise.all(owners).catch(() => undefined)
}

function payloadFlaw(payload: unknown): WireError | undefined {
  // Checked first: serialising fails on a circular value, and overflows the stack on one that is too deep.
  const flaw = valueFlaw('payload', payload)
  if (flaw !== undefined) return flaw
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
