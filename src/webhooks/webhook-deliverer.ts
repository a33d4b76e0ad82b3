import { topics, type WebhookEnd } from '@fleetwire/protocol'
import { agentOf } from '../auth/permissions.ts'
import { userKeyOf } from '../auth/user-key.ts'
import { SubscriptionIndex } from '../broadcast/subscription-index.ts'
import type { Clock, Timer } from '../clock.ts'
import { changeRecord } from '../log/change-record.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog, FleetEvent, Unfollow } from '../log/event-log.ts'
import type { LiveRecords } from '../log/live-records.ts'
import { DeliverySlots } from './delivery-slots.ts'
import { DeliveryWorker } from './delivery-worker.ts'
import { isTypeWanted, type LabelsOf } from './webhook-filter.ts'
import { principalOf, type WebhookRecord, webhookDraft, webhookTopic } from './webhook-record.ts'
import type { WebhookSender } from './webhook-sender.ts'

export interface DelivererPorts {
  log: EventLog
  clock: Clock
  sender: WebhookSender
  records: LiveRecords<WebhookRecord>
  labelsOf: LabelsOf
  revocations: Revocations
  /** Default: Math.random. */
  random?: () => number
  concurrency: number
  maxBytes: number
  disableAfterMs: number
  onFault(error: unknown): void
  /** A webhook was disabled without a request by anyone. */
  onNote(note: { webhookId: string; origin: string; reason: WebhookEnd; error: string }): void
}

/** The part of the token service that webhooks use. */
export interface Revocations {
  isRevoked(of: WebhookRecord['vouched']): boolean
  onRevoked(listener: () => void): () => void
}

/** How often idle webhooks store how far they have examined the log. */
const STORE_MS = 60_000

/**
 * Delivers to every active webhook, with one worker each. Runs on one node of a cluster, the active one. After a stop
 * nothing is sent: deliveries in progress are abandoned, and sent again by the node that starts next.
 */
export class WebhookDeliverer {
  readonly #ports: DelivererPorts
  readonly #workers = new Map<string, DeliveryWorker>()
  /** Finds the webhooks that an event may be for. */
  #index = new SubscriptionIndex<string>()
  #slots: DeliverySlots
  #stops: (() => void)[] = []
  readonly #counts = { delivered: 0, failed: 0 }

  constructor(ports: DelivererPorts) {
    this.#ports = ports
    this.#slots = new DeliverySlots(ports.concurrency)
  }

  /** Must be called after the records are loaded. */
  start(): void {
    if (this.#stops.length > 0) return
    const { log, clock, records, revocations } = this.#ports
    const timer: Timer = clock.setInterval(() => {
      for (const worker of this.#workers.values()) worker.storeProgress()
      // Retries webhooks whose end could not be stored in the log before.
      this.#endRevoked()
    }, STORE_MS)
    const unfollow: Unfollow = log.follow(events => this.#look(events))
    this.#stops = [
      unfollow,
      () => timer.cancel(),
      records.onChange(after => this.#set(after)),
      revocations.onRevoked(() => this.#endRevoked()),
    ]
    for (const webhook of records.values()) this.#set(webhook)
    this.#endRevoked()
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    for (const worker of this.#workers.values()) worker.stop()
    this.#workers.clear()
    this.#index = new SubscriptionIndex()
    this.#slots = new DeliverySlots(this.#ports.concurrency)
  }

  /** For metrics. `oldestMs`: how long the oldest undelivered event has been waiting. */
  stats(): { states: Record<string, number>; attempts: Record<string, number>; oldestMs: number } {
    const { clock, records } = this.#ports
    const states = { active: 0, failing: 0, disabled: 0 }
    let oldestMs = 0
    for (const { webhookId, status } of records.values()) {
      const waiting = this.#workers.get(webhookId)?.waiting
      if (waiting !== undefined) oldestMs = Math.max(oldestMs, clock.now() - waiting.at)
      if (status !== 'active') states.disabled++
      else if (waiting !== undefined && waiting.attempts > 0) states.failing++
      else states.active++
    }
    return { states, attempts: { ...this.#counts }, oldestMs }
  }

  #set(webhook: WebhookRecord): void {
    const { webhookId } = webhook
    const worker = this.#workers.get(webhookId)
    if (webhook.status !== 'active') {
      worker?.stop()
      this.#workers.delete(webhookId)
      this.#index.delete(webhookId)
      return
    }
    this.#index.set(webhookId, webhook.topics, principalOf(webhook))
    if (worker !== undefined) worker.changed(webhook)
    else this.#workers.set(webhookId, this.#newWorker(webhook))
  }

  #newWorker(webhook: WebhookRecord): DeliveryWorker {
    const { log, clock, sender, labelsOf, random = Math.random, maxBytes, disableAfterMs, onFault } = this.#ports
    return new DeliveryWorker(webhook, {
      ...{ log, clock, sender, slots: this.#slots, labelsOf, random, maxBytes, disableAfterMs, onFault },
      onAttempt: outcome => {
        this.#counts[outcome]++
      },
      onEnd: (of, reason, error) => this.#end(of, reason, error),
    })
  }

  /** Wakes the workers that may have something to send; the others can skip these events. */
  #look(events: readonly FleetEvent[]): void {
    const last = events.at(-1)
    if (last === undefined || this.#workers.size === 0) return
    const due = new Set<string>()
    for (const event of events) {
      if (event.topic.startsWith('$')) continue
      for (const { members } of this.#index.audiencesOf(event.topic, event.taskId, agentOf(event))) {
        for (const id of members) {
          if (due.has(id)) continue
          const webhook = this.#ports.records.get(id)?.value
          if (webhook !== undefined && isTypeWanted(webhook, event.type)) due.add(id)
        }
      }
    }
    for (const [id, worker] of this.#workers) {
      if (due.has(id)) worker.wake()
      else worker.passed(last.cursor)
    }
  }

  #endRevoked(): void {
    const { records, revocations } = this.#ports
    for (const webhook of [...records.values()]) {
      if (webhook.status === 'active' && revocations.isRevoked(webhook.vouched)) void this.#endAtOnce(webhook)
    }
  }

  /** Stops sending, whether or not that can be stored now. */
  async #endAtOnce(webhook: WebhookRecord): Promise<void> {
    const { records, revocations } = this.#ports
    const { webhookId } = webhook
    this.#workers.get(webhookId)?.stop()
    this.#workers.delete(webhookId)
    await this.#end(webhook, 'revoked', 'the token that created it, or changed it last, was revoked')
    // Another token may have vouched for the webhook in the meantime.
    const now = records.get(webhookId)?.value
    const isWanted = now?.status === 'active' && !revocations.isRevoked(now.vouched) && !this.#workers.has(webhookId)
    if (isWanted && this.#stops.length > 0) this.#set(now)
  }

  /** Disables a webhook, unless it has changed since, and notifies its creator. */
  async #end({ webhookId, updatedAt }: WebhookRecord, reason: WebhookEnd, error: string): Promise<void> {
    const { log, clock, onNote, onFault } = this.#ports
    try {
      const changed = await changeRecord<WebhookRecord, 'changed'>(log, {
        topic: webhookTopic(webhookId),
        decide: current => {
          if (current?.status !== 'active' || current.updatedAt !== updatedAt) return { to: 'same', why: 'changed' }
          const value: WebhookRecord = {
            ...current,
            status: 'disabled',
            disabledReason: reason,
            updatedAt: clock.now(),
          }
          return {
            to: 'next',
            value,
            draft: webhookDraft('webhook:disabled', value),
            told: [notice(value, reason, error)],
          }
        },
      })
      if (changed.status === 'changed') {
        onNote({ webhookId, origin: originOf(changed.value.url), reason, error })
      }
    } catch (fault) {
      onFault(fault)
    }
  }
}

const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : '')

/** Shows neither the path nor the query of the URL: for many receivers they are the secret. */
function notice({ webhookId, name, url, createdBy }: WebhookRecord, reason: WebhookEnd, error: string): EventDraft {
  const title = `The webhook ${name === '' ? webhookId : `"${name}"`} to ${originOf(url)} was disabled`
  const message = `${whys[reason]} The last error: ${error}. The events that it missed are kept in the log: enable it to continue from there.`
  return draftOf('notification:created', topics.userInbox(userKeyOf(createdBy)), {
    ...{ title, message, data: { webhookId, reason } },
  })
}

const whys: Record<WebhookEnd, string> = {
  requested: 'Somebody disabled it.',
  failing: 'Its receiver has failed for too long.',
  gone: 'Its receiver wants no more events.',
  revoked: 'Its token was revoked.',
}
