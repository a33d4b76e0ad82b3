import { type WebhookDelivery, wireError } from '@fleetwire/protocol'
import { canSeeEntry } from '../auth/permissions.ts'
import type { Actor } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { auditDrafts } from '../log/audit.ts'
import { changeRecord } from '../log/change-record.ts'
import { cursorBefore, cursorInCopy } from '../log/cursor.ts'
import type { EventLog } from '../log/event-log.ts'
import { notFound, type Refused, refused, unavailable } from '../outcome.ts'
import { settleByHand } from './delivery-state.ts'
import type { Message } from './message.ts'
import { signedHeaders } from './signature.ts'
import { bodyOf, eventMessage, noticeMessage } from './webhook-message.ts'
import {
  type DeliveryRecord,
  deliveryDrafts,
  deliveryTopic,
  type Position,
  positionDraft,
  positionTopic,
  principalOf,
  type WebhookRecord,
} from './webhook-record.ts'
import type { WebhookSender } from './webhook-sender.ts'

export type HandOutcome = { status: 'ok'; delivery: WebhookDelivery } | Refused

interface Ports {
  log: EventLog
  clock: Clock
  sender: WebhookSender
  maxBytes: number
}

/** Manual deliveries: one attempt each, independent of scheduled ones. One at a time per webhook. */
export class HandDeliveries {
  readonly #ports: Ports
  readonly #underWay = new Set<string>()
  /** Set while running. */
  #run: AbortController | undefined

  constructor(ports: Ports) {
    this.#ports = ports
  }

  start(): void {
    this.#run ??= new AbortController()
  }

  /** Abandons deliveries in progress, and sends nothing more. */
  stop(): void {
    this.#run?.abort()
    this.#run = undefined
  }

  test(webhook: WebhookRecord, actor?: Actor): Promise<HandOutcome> {
    const { log, clock } = this.#ports
    const { webhookId } = webhook
    return this.#send(webhook, 'test', actor, async ({ deliveries }) =>
      noticeMessage(
        webhookId,
        'webhook:test',
        { webhookId, message: 'A test of this webhook: it works.' },
        { key: String(deliveries), cursor: log.head, at: clock.now() },
      ),
    )
  }

  async redeliver(webhook: WebhookRecord, deliveryId: string, actor?: Actor): Promise<HandOutcome> {
    const record = await this.#ports.log.get(deliveryTopic(webhook.webhookId, deliveryId))
    if (record === undefined) return refused(notFound('delivery', deliveryId))
    const { type, topic, cursor, messageId } = record.payload as DeliveryRecord
    if (type.startsWith('webhook:')) {
      return refused(wireError('conflict', `A ${type} is not an event: send a test instead.`, { type }))
    }
    return this.#send(webhook, 'redelivery', actor, async () => {
      const message = await this.#event(webhook, topic, cursorInCopy(cursor, this.#ports.log.epoch))
      // The id that the receiver knows, even if the log has another epoch by now.
      return 'status' in message ? message : { ...message, messageId }
    })
  }

  /** The event at a cursor, which must still be in the log. */
  async #event(webhook: WebhookRecord, topic: string, cursor: string): Promise<Message | Refused> {
    const after = cursorBefore(cursor)
    const page = after && (await this.#ports.log.read({ topics: [topic], after, limit: 1 }))
    const event = page && page.status === 'ok' ? page.events[0] : undefined
    if (event?.cursor !== cursor) {
      return refused(wireError('cursor_gone', 'The event is no longer in the log, so it cannot be sent again.'))
    }
    if (!canSeeEntry(principalOf(webhook), event))
      return refused(wireError('forbidden', 'The webhook may not see this event.'))
    return eventMessage(webhook.webhookId, event)
  }

  async #send(
    webhook: WebhookRecord,
    reason: 'test' | 'redelivery',
    actor: Actor | undefined,
    find: (position: Position) => Promise<Message | Refused>,
  ): Promise<HandOutcome> {
    const { log, clock, sender, maxBytes } = this.#ports
    const { webhookId } = webhook
    const run = this.#run
    if (run === undefined) return refused(unavailable())
    if (this.#underWay.has(webhookId)) {
      return refused(wireError('conflict', 'A manual delivery of this webhook is in progress: wait until it ends.'))
    }
    this.#underWay.add(webhookId)
    try {
      const topic = positionTopic(webhookId)
      const position = (await log.get(topic))?.payload as Position | undefined
      if (position === undefined) return refused(notFound('webhook', webhookId))
      const message = await find(position)
      if ('status' in message) return message
      const body = bodyOf(webhook, message, maxBytes)
      const headers = signedHeaders(message.messageId, body, webhook.secrets, clock.now())
      const sent = await sender.send({ url: webhook.url, headers, body }, run.signal)
      let delivery: WebhookDelivery | undefined
      const stored = await changeRecord<Position, 'removed'>(log, {
        topic,
        decide: current => {
          if (current === undefined) return { to: 'same', why: 'removed' }
          const settled = settleByHand(current, message, sent, reason)
          delivery = settled.delivery
          const told = [
            ...deliveryDrafts(settled.delivery, settled.number),
            ...auditDrafts(actor, reason === 'test' ? 'webhook:test' : 'webhook:redeliver', webhookId, clock.now()),
          ]
          return { to: 'next', value: settled.position, draft: positionDraft(settled.position), told }
        },
      })
      if (stored.status === 'unavailable') return refused(unavailable(stored))
      if (stored.status === 'same') return refused(notFound('webhook', webhookId))
      return { status: 'ok', delivery: delivery! }
    } finally {
      this.#underWay.delete(webhookId)
    }
  }
}
