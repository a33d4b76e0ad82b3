import {
  type CreateWebhookBody,
  type EditWebhookBody,
  type Webhook,
  type WebhookDelivery,
  type WireError,
  wireError,
} from '@fleetwire/protocol'
import { covers } from '../auth/permissions.ts'
import type { Principal } from '../auth/principal.ts'
import type { Actor } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { newId } from '../ids.ts'
import { type AuditAction, auditDrafts } from '../log/audit.ts'
import { changeRecord, type Decision } from '../log/change-record.ts'
import { type ItemPage, itemPage } from '../log/each-record.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import type { LiveRecords } from '../log/live-records.ts'
import { notFound, type Refused, refused, unavailable } from '../outcome.ts'
import { HandDeliveries } from './hand-deliveries.ts'
import { newSecret, valid } from './signature.ts'
import {
  DELIVERIES,
  type DeliveryRecord,
  deliveryDrafts,
  deliveryId,
  deliveryOf,
  deliveryTopic,
  type Position,
  positionDraft,
  positionRemoval,
  positionTopic,
  WEBHOOKS,
  type WebhookRecord,
  webhookDraft,
  webhookOf,
  webhookTopic,
} from './webhook-record.ts'
import { requestRefusal } from './webhook-request.ts'
import type { WebhookSender } from './webhook-sender.ts'

/** The manager of webhooks. Webhooks whose rights the token does not cover do not exist for it. */
export interface Manager {
  principal: Principal
  actor?: Actor
}

export interface WebhookServicePorts {
  log: EventLog
  clock: Clock
  sender: WebhookSender
  records: LiveRecords<WebhookRecord>
  maxWebhooks: number
  maxBytes: number
}

export type Outcome<T> = ({ status: 'ok' } & T) | Refused

const DAY_MS = 86_400_000
/** How long the previous secret still signs after a rotation. */
const KEEP_PREVIOUS_MS = DAY_MS
/** Maximum number of secrets per webhook: each one makes the signature header longer. */
const MAX_SECRETS = 4

/** Creates, changes and removes webhooks. A principal that holds all rights of a webhook may manage it. */
export class WebhookService {
  readonly #ports: WebhookServicePorts
  readonly #byHand: HandDeliveries
  /** Creations in progress, so that concurrent creations cannot exceed the limit together. */
  #creating = 0

  constructor(ports: WebhookServicePorts) {
    this.#ports = ports
    this.#byHand = new HandDeliveries(ports)
  }

  start(): void {
    this.#byHand.start()
  }

  /** Abandons manual deliveries. */
  stop(): void {
    this.#byHand.stop()
  }

  async create(request: CreateWebhookBody, manager: Manager): Promise<Outcome<{ webhook: Webhook; secret: string }>> {
    const { records, maxWebhooks } = this.#ports
    const held = [...records.values()].length + this.#creating
    if (held >= maxWebhooks) {
      return refused(
        wireError('too_large', `The limit of ${maxWebhooks} webhooks is reached (FLEETWIRE_MAX_WEBHOOKS): remove one.`),
      )
    }
    this.#creating++
    try {
      return await this.#create(request, manager)
    } finally {
      this.#creating--
    }
  }

  async #create(
    { url, topics, name = '', events = [], labels = {}, format = 'json', secret = newSecret() }: CreateWebhookBody,
    { principal, actor }: Manager,
  ): Promise<Outcome<{ webhook: Webhook; secret: string }>> {
    const { log, clock, sender } = this.#ports
    const { head } = log
    const flaw = await requestRefusal({ url, topics, events, secret }, principal, sender)
    if (flaw !== undefined) return flaw
    const now = clock.now()
    const webhook: WebhookRecord = {
      ...{
        webhookId: newId('whk'),
        name,
        url,
        topics,
        events,
        labels,
        format,
        status: 'active',
        secrets: [{ secret }],
      },
      ...{ rights: rightsOf(principal), vouched: tokenOf(principal), createdBy: principal.sub },
      ...{ createdAt: now, updatedAt: now },
    }
    const position: Position = { webhookId: webhook.webhookId, cursor: head, deliveries: 0 }
    const told = [positionDraft(position), ...auditDrafts(actor, 'webhook:create', webhook.webhookId, now)]
    const appended = await log.append([webhookDraft('webhook:created', webhook), ...told])
    if (appended.status === 'unavailable') return refused(unavailable(appended))
    return { status: 'ok', webhook: webhookOf(webhook, position, now), secret }
  }

  /** Newest first; a page may have fewer than `limit`. */
  async list(query: { limit: number; cursor?: string }, principal: Principal): Promise<ItemPage<Webhook>> {
    const where = { status: ['active', 'disabled'] }
    const page = await itemPage<WebhookRecord>(this.#ports.log, { kind: WEBHOOKS, where, order: 'desc', ...query })
    const seen = page.items.filter(({ rights }) => covers(principal, rights))
    return { items: await Promise.all(seen.map(record => this.#shown(record))), nextCursor: page.nextCursor }
  }

  async get(webhookId: string, principal: Principal): Promise<Outcome<{ webhook: Webhook }>> {
    const record = await this.#found(webhookId, principal)
    return record === undefined ? missing(webhookId) : { status: 'ok', webhook: await this.#shown(record) }
  }

  /**
   * An edit makes the caller's token the one that vouches for the webhook, which keeps its creator's rights. Pending
   * messages are sent at once, with the new settings.
   */
  async edit(webhookId: string, edit: EditWebhookBody, manager: Manager): Promise<Outcome<{ webhook: Webhook }>> {
    const { principal } = manager
    const record = await this.#found(webhookId, principal)
    if (record === undefined) return missing(webhookId)
    const flaw = await requestRefusal(edit, { ...principal, ...record.rights }, this.#ports.sender)
    if (flaw !== undefined) return flaw
    const { enabled, skipWaiting = false, ...fields } = edit
    const moves = skipWaiting || enabled !== undefined ? await this.#restarted(webhookId, skipWaiting) : []
    return this.#change(webhookId, 'webhook:edit', manager, current => {
      const { disabledReason: _, ...rest } = current
      const changed: WebhookRecord = { ...(enabled === undefined ? current : rest), ...fields }
      if (enabled === true) changed.status = 'active'
      if (enabled === false) Object.assign(changed, { status: 'disabled', disabledReason: 'requested' })
      return [changed, moves]
    })
  }

  async remove(webhookId: string, manager: Manager): Promise<WireError | undefined> {
    const changed = await this.#change(webhookId, 'webhook:delete', manager, current => [
      // The rest of the record tells other nodes that the webhook is gone. It holds nothing sensitive.
      { ...current, status: 'removed', secrets: [], url: '' },
      [positionRemoval(webhookId)],
    ])
    return changed.status === 'ok' ? undefined : changed.error
  }

  /** The previous secret signs too for a while, so that the receiver can change its own in between. */
  async rotate(
    webhookId: string,
    { secret = newSecret(), keepPreviousMs = KEEP_PREVIOUS_MS }: { secret?: string; keepPreviousMs?: number },
    manager: Manager,
  ): Promise<Outcome<{ secret: string; previousSecretExpiresAt: number }>> {
    const flaw = await requestRefusal({ secret }, manager.principal, this.#ports.sender)
    if (flaw !== undefined) return flaw
    const now = this.#ports.clock.now()
    const expiresAt = now + keepPreviousMs
    const changed = await this.#change(webhookId, 'webhook:rotate', manager, current => {
      const [newest, ...older] = valid(current.secrets, now)
      const kept = newest === undefined ? older : [{ ...newest, expiresAt }, ...older]
      const secrets = [{ secret }, ...kept.filter(known => known.secret !== secret)].slice(0, MAX_SECRETS)
      return [{ ...current, secrets }, []]
    })
    return changed.status === 'ok' ? { status: 'ok', secret, previousSecretExpiresAt: expiresAt } : changed
  }

  /** Newest first. */
  async deliveries(
    webhookId: string,
    { status, ...query }: { limit: number; cursor?: string; status?: WebhookDelivery['status'] },
    principal: Principal,
  ): Promise<Outcome<{ page: ItemPage<WebhookDelivery> }>> {
    if ((await this.#found(webhookId, principal)) === undefined) return missing(webhookId)
    const where = { parentId: webhookId, ...(status !== undefined && { status }) }
    const page = await itemPage<DeliveryRecord>(this.#ports.log, { kind: DELIVERIES, where, order: 'desc', ...query })
    return { status: 'ok', page: { ...page, items: page.items.map(deliveryOf) } }
  }

  /** Sends a test message, which is not an event, at once. */
  async test(webhookId: string, { principal, actor }: Manager): Promise<Outcome<{ delivery: WebhookDelivery }>> {
    const record = await this.#found(webhookId, principal)
    return record === undefined ? missing(webhookId) : this.#byHand.test(record, actor)
  }

  /** Sends an earlier message again at once, with the same id. */
  async redeliver(
    webhookId: string,
    deliveryId: string,
    { principal, actor }: Manager,
  ): Promise<Outcome<{ delivery: WebhookDelivery }>> {
    const record = await this.#found(webhookId, principal)
    return record === undefined ? missing(webhookId) : this.#byHand.redeliver(record, deliveryId, actor)
  }

  async #found(webhookId: string, principal: Principal): Promise<WebhookRecord | undefined> {
    const record = (await this.#ports.log.get(webhookTopic(webhookId)))?.payload as WebhookRecord | undefined
    return record !== undefined && isSeen(record, principal) ? record : undefined
  }

  async #shown(record: WebhookRecord): Promise<Webhook> {
    const position = await this.#ports.log.get(positionTopic(record.webhookId))
    return webhookOf(record, position?.payload as Position | undefined, this.#ports.clock.now())
  }

  /**
   * The position of a webhook that starts afresh: without its failed message, which counts as given up, and past all
   * pending events if they are to be skipped.
   */
  async #restarted(webhookId: string, skips: boolean): Promise<EventDraft[]> {
    const { log } = this.#ports
    const found = await log.get(positionTopic(webhookId))
    if (found === undefined) return []
    const { failing, ...position } = found.payload as Position
    const skippedAfter = position.skippedAfter ?? position.cursor
    const moved = skips ? { ...position, cursor: log.head, skippedAfter } : position
    const given = failing && (await log.get(deliveryTopic(webhookId, deliveryId(failing.number))))?.payload
    if (failing === undefined || given === undefined) return [positionDraft(moved)]
    const { nextAttemptAt: _, ...delivery } = deliveryOf(given as DeliveryRecord)
    return [positionDraft(moved), ...deliveryDrafts({ ...delivery, status: 'failed' }, failing.number)]
  }

  async #change(
    webhookId: string,
    action: AuditAction,
    { principal, actor }: Manager,
    next: (current: WebhookRecord) => [changed: WebhookRecord, alongside: EventDraft[]],
  ): Promise<Outcome<{ webhook: Webhook }>> {
    const { log, clock } = this.#ports
    const changed = await changeRecord<WebhookRecord, 'absent'>(log, {
      topic: webhookTopic(webhookId),
      decide: (current): Decision<WebhookRecord, 'absent'> => {
        if (current === undefined || !isSeen(current, principal)) return { to: 'same', why: 'absent' }
        const now = clock.now()
        const [fields, alongside] = next(current)
        // Later than before even if the clock stands still, so that a decision about the old version can notice it.
        const value = { ...fields, vouched: tokenOf(principal), updatedAt: Math.max(now, current.updatedAt + 1) }
        const told = [...alongside, ...auditDrafts(actor, action, webhookId, now)]
        return { to: 'next', value, draft: webhookDraft('webhook:changed', value), told }
      },
    })
    switch (changed.status) {
      case 'changed':
        return { status: 'ok', webhook: await this.#shown(changed.value) }
      case 'same':
        return missing(webhookId)
      case 'unavailable':
        return refused(unavailable(changed))
    }
  }
}

const missing = (webhookId: string): Refused => refused(notFound('webhook', webhookId))

const isSeen = ({ status, rights }: WebhookRecord, principal: Principal): boolean =>
  status !== 'removed' && covers(principal, rights)

const rightsOf = ({ sub, role, agents, scopes }: Principal): WebhookRecord['rights'] => ({
  ...{ sub, role, agents },
  ...(scopes && { scopes }),
})

const tokenOf = ({ sub, jti, issuedAt }: Principal): WebhookRecord['vouched'] => ({
  sub,
  ...(jti !== undefined && { jti }),
  ...(issuedAt !== undefined && { issuedAt }),
})
