import { eventPayloads, isCustomType, matchEvent } from '@fleetwire/protocol'
import { agentOf, canSeeEntry } from '../auth/permissions.ts'
import type { FleetEvent } from '../log/event-log.ts'
import { principalOf, type WebhookRecord } from './webhook-record.ts'

/** Stream chunks and metrics: so frequent that only webhooks that name them get them. */
const FREQUENT: readonly string[] = ['message:delta', 'tool:args', 'agent:metrics']
/** Published but not stored, so webhooks cannot deliver them. */
const NOT_KEPT: readonly string[] = ['agent:summary']
const known = Object.keys(eventPayloads).filter(type => !NOT_KEPT.includes(type))

export type LabelsOf = (agentId: string) => Record<string, string> | undefined

/** The agent that an event is about, from its topic or payload. */
const agentIdOf = (event: FleetEvent): string | undefined =>
  event.topic.startsWith('agents.') ? event.topic.split('.', 2)[1] : agentOf(event)

/** Whether to send an event: by pattern, type, the labels of its agent, and the webhook's rights. */
export function isWanted(webhook: WebhookRecord, event: FleetEvent, labelsOf: LabelsOf): boolean {
  return (
    isTypeWanted(webhook, event.type) &&
    webhook.topics.some(pattern => matchEvent(pattern, event)) &&
    canSeeEntry(principalOf(webhook), event) &&
    hasLabels(webhook, event, labelsOf)
  )
}

export function isTypeWanted({ events }: Pick<WebhookRecord, 'events'>, type: string): boolean {
  if (events.length === 0) return !FREQUENT.includes(type)
  return events.some(pattern => (FREQUENT.includes(type) ? pattern === type : matchesType(pattern, type)))
}

/** Why a webhook would wait forever for this type or type pattern; undefined if it can match an event. */
export function typeFlaw(pattern: string): string | undefined {
  if (pattern.startsWith('custom:') || pattern.startsWith('*') || isCustomType(pattern)) return undefined
  if (NOT_KEPT.includes(pattern)) return `"${pattern}" is not stored: webhooks receive only stored events.`
  if (known.some(type => matchesType(pattern, type))) return undefined
  return `"${pattern}" is not an event type: see docs/event-catalogue.md.`
}

function hasLabels({ labels }: WebhookRecord, event: FleetEvent, labelsOf: LabelsOf): boolean {
  const wanted = Object.entries(labels)
  if (wanted.length === 0) return true
  const agentId = agentIdOf(event)
  const held = agentId === undefined ? undefined : labelsOf(agentId)
  return held !== undefined && wanted.every(([name, value]) => Object.hasOwn(held, name) && held[name] === value)
}

/** `*` matches any number of characters, including none. */
function matchesType(pattern: string, type: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === type
  const last = rest.pop()!
  if (type.length < first.length + last.length || !type.startsWith(first) || !type.endsWith(last)) return false
  let at = first.length
  for (const part of rest) {
    const found = type.indexOf(part, at)
    if (found === -1 || found + part.length > type.length - last.length) return false
    at = found + part.length
  }
  return true
}
