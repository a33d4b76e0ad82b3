import type { WebhookDelivery, WebhookEnd } from '@fleetwire/protocol'
import { backoffMs } from './backoff.ts'
import type { Message } from './message.ts'
import { deliveryId, type Position } from './webhook-record.ts'

/** The receiver's response, or why there was none. */
export type Sent = {
  /** Epoch ms. */
  at: number
  durationMs: number
  statusCode?: number
  /** The start of the response body. */
  response?: string
} & (
  | { ok: true }
  /** `isGone`: the receiver wants no more deliveries. `retryAfterMs`: the delay that the receiver requested. */
  | { ok: false; error: string; retryAfterMs?: number; isGone?: boolean }
)

export interface Settled {
  position: Position
  /** The entry of the delivery log, and its number. */
  delivery: WebhookDelivery
  number: number
  /** Why nothing more is sent. */
  end?: WebhookEnd
}

export interface SettleOptions {
  /** The cursor of the webhook once the message is delivered. */
  next: string
  /** How long a webhook may fail, ms. */
  disableAfterMs: number
  /** 0 to 1. */
  random: number
}

/** The state of a webhook after an attempt at its next message. Pure. */
export function settle(
  position: Position,
  message: Message,
  sent: Sent,
  { next, disableAfterMs, random }: SettleOptions,
): Settled {
  const { failing: failed, skippedAfter: _, ...rest } = position
  const failing = failed?.messageId === message.messageId ? failed : undefined
  const number = failing?.number ?? position.deliveries
  const attempts = (failing?.attempts ?? 0) + 1
  const deliveries = Math.max(position.deliveries, number + 1)
  const entry = entryOf(position.webhookId, message, sent, number, attempts)
  const common = { ...entry, reason: 'event' as const, createdAt: failing?.since ?? sent.at }
  if (sent.ok) {
    return {
      number,
      position: { ...rest, cursor: next, deliveries, deliveredAt: sent.at },
      delivery: { ...common, status: 'delivered' },
    }
  }
  const waitMs = backoffMs(attempts, random, sent.retryAfterMs)
  // The time since the last failure, at most the planned delay: the server may have been down, or its clock set.
  const since = failing === undefined ? 0 : Math.max(0, sent.at - failing.attemptedAt)
  const planned = failing === undefined ? 0 : failing.nextAttemptAt - failing.attemptedAt + sent.durationMs
  const failedForMs = (failing?.failedForMs ?? failed?.failedForMs ?? 0) + Math.min(since, planned)
  const end = sent.isGone ? 'gone' : failedForMs >= disableAfterMs ? 'failing' : undefined
  const nextAttemptAt = sent.at + waitMs
  return {
    number,
    position: {
      ...position,
      deliveries,
      failing: {
        ...{ messageId: message.messageId, number, attempts, failedForMs, error: sent.error, nextAttemptAt },
        since: failing?.since ?? sent.at,
        attemptedAt: sent.at,
      },
    },
    delivery: end === undefined ? { ...common, status: 'retrying', nextAttemptAt } : { ...common, status: 'failed' },
    ...(end !== undefined && { end }),
  }
}

/** The entry of a manual delivery, which does not move the position. */
export function settleByHand(position: Position, message: Message, sent: Sent, reason: 'test' | 'redelivery'): Settled {
  const number = position.deliveries
  const status = sent.ok ? 'delivered' : 'failed'
  return {
    number,
    position: { ...position, deliveries: number + 1 },
    delivery: { ...entryOf(position.webhookId, message, sent, number, 1), reason, status, createdAt: sent.at },
  }
}

function entryOf(webhookId: string, message: Message, sent: Sent, number: number, attempts: number) {
  const { messageId, type, topic, cursor } = message
  return {
    ...{ deliveryId: deliveryId(number), webhookId, messageId, type, topic, cursor, attempts },
    attemptedAt: sent.at,
    durationMs: Math.max(0, Math.round(sent.durationMs)),
    ...(sent.statusCode !== undefined && { statusCode: sent.statusCode }),
    ...(!sent.ok && { error: sent.error }),
    ...(sent.response !== undefined && { response: sent.response }),
  }
}

/** The delay before the next attempt, ms. If the wall clock was set, the delay is still no longer than planned. */
export function waitMs({ failing }: Position, now: number): number {
  if (failing === undefined) return 0
  return Math.min(failing.nextAttemptAt - now, failing.nextAttemptAt - failing.attemptedAt)
}
