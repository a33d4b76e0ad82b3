import type { Webhook, WebhookDelivery, WebhookEnd, WebhookFormat } from '@fleetwire/protocol'
import type { Principal } from '../auth/principal.ts'
import type { EventDraft } from '../log/event-log.ts'
import type { SigningSecret } from './signature.ts'

/*
 * The settings of a webhook and its progress are internal records of the log, so they survive a restart and every node
 * has them. They are separate, since people change the one, and each delivery changes the other.
 */

export const WEBHOOKS = '$webhooks'
const POSITIONS = '$webhook-positions'
export const DELIVERIES = '$webhook-deliveries'

/** Maximum number of entries in the delivery log of one webhook. */
export const KEPT_DELIVERIES = 1000
const DAY_MS = 86_400_000
const DELIVERY_KEPT_MS = 30 * DAY_MS
/** How long the record of a removed webhook is kept, so that every node learns of the removal. */
const REMOVED_KEPT_MS = DAY_MS

export interface WebhookRecord {
  webhookId: string
  name: string
  url: string
  topics: string[]
  events: string[]
  labels: Record<string, string>
  format: WebhookFormat
  status: 'active' | 'disabled' | 'removed'
  disabledReason?: WebhookEnd
  /** Newest first. */
  secrets: SigningSecret[]
  rights: Pick<Principal, 'sub' | 'role' | 'agents' | 'scopes'>
  /** The token that created the webhook or last changed it: once that is revoked, nothing more is sent. */
  vouched: Pick<Principal, 'sub' | 'jti' | 'issuedAt'>
  createdBy: string
  createdAt: number
  updatedAt: number
}

/** The failure of a webhook's next event. */
export interface Failing {
  messageId: string
  /** The number of the entry in the delivery log. */
  number: number
  attempts: number
  /** Epoch ms. */
  since: number
  attemptedAt: number
  nextAttemptAt: number
  /** How long attempts have been failing: time in which this server did not run does not count. */
  failedForMs: number
  error: string
}

export interface Position {
  webhookId: string
  /** Everything before this cursor was delivered, or is not to be sent. */
  cursor: string
  /** Number of delivery log entries so far, which is also the next entry's number. */
  deliveries: number
  deliveredAt?: number
  failing?: Failing
  /** Events between this cursor and `cursor` were skipped by request, and the receiver has yet to be notified. */
  skippedAfter?: string
}

/** Lists select by `parentId`. */
export type DeliveryRecord = WebhookDelivery & { parentId: string }

export const webhookTopic = (webhookId: string): string => `${WEBHOOKS}.${webhookId}`
export const positionTopic = (webhookId: string): string => `${POSITIONS}.${webhookId}`
/** Zero-padded, so that ids sort by number. */
export const deliveryId = (number: number): string => `whd_${String(number).padStart(12, '0')}`
export const deliveryTopic = (webhookId: string, id: string): string => `${DELIVERIES}.${webhookId}.${id}`

export function webhookDraft(type: string, webhook: WebhookRecord): EventDraft {
  const removed = webhook.status === 'removed' && { expiresAt: webhook.updatedAt + REMOVED_KEPT_MS }
  return { type, topic: webhookTopic(webhook.webhookId), payload: webhook, record: 'set', ...removed }
}

export const positionDraft = (position: Position): EventDraft => ({
  type: 'webhook:moved',
  topic: positionTopic(position.webhookId),
  payload: position,
  record: 'set',
})

export const positionRemoval = (webhookId: string): EventDraft => ({
  type: 'webhook:moved',
  topic: positionTopic(webhookId),
  payload: { webhookId },
  record: 'delete',
})

/** A new entry of the delivery log; the same step removes the entry that then exceeds the limit. */
export function deliveryDrafts(delivery: WebhookDelivery, number: number): EventDraft[] {
  const { webhookId, deliveryId: id } = delivery
  const topic = deliveryTopic(webhookId, id)
  const payload: DeliveryRecord = { ...delivery, parentId: webhookId }
  const expiresAt = delivery.attemptedAt + DELIVERY_KEPT_MS
  const entry: EventDraft = { type: 'webhook:attempted', topic, payload, record: 'set', expiresAt }
  if (number < KEPT_DELIVERIES) return [entry]
  const oldest = deliveryTopic(webhookId, deliveryId(number - KEPT_DELIVERIES))
  return [entry, { type: 'webhook:attempted', topic: oldest, payload: { webhookId }, record: 'delete' }]
}

/** The public view of a webhook, without secrets. `now`: epoch ms. */
export function webhookOf(record: WebhookRecord, position: Position | undefined, now: number): Webhook {
  const { secrets, vouched: _, status, rights, ...shown } = record
  const previous = secrets.find(({ expiresAt }) => expiresAt !== undefined && expiresAt > now)
  const { failing } = position ?? {}
  return {
    ...shown,
    rights: { sub: rights.sub, role: rights.role, agents: [...rights.agents], ...scopesOf(rights) },
    status: status === 'active' ? 'active' : 'disabled',
    ...(previous?.expiresAt !== undefined && { previousSecretExpiresAt: previous.expiresAt }),
    progress: {
      cursor: position?.cursor ?? '',
      deliveries: position?.deliveries ?? 0,
      attempts: failing?.attempts ?? 0,
      ...(failing && { failingSince: failing.since, error: failing.error }),
      ...(failing && status === 'active' && { nextAttemptAt: failing.nextAttemptAt }),
      ...(position?.deliveredAt !== undefined && { deliveredAt: position.deliveredAt }),
    },
  }
}

const scopesOf = ({ scopes }: WebhookRecord['rights']) => scopes && { scopes: [...scopes] }

export function deliveryOf({ parentId: _, ...delivery }: DeliveryRecord): WebhookDelivery {
  return delivery
}

/** The principal with whose rights the webhook reads events. It does not expire by itself: see `vouched`. */
export const principalOf = ({ rights }: Pick<WebhookRecord, 'rights'>): Principal => ({
  ...rights,
  expiresAt: Number.POSITIVE_INFINITY,
})
