import type { CreateWebhookBody, Webhook, WebhookDelivery } from '@fleetwire/protocol'
import type { Test } from 'tap'
import type { Principal } from '../../src/auth/principal.ts'
import type { FleetSettings } from '../../src/fleet.ts'
import type { Sent } from '../../src/webhooks/delivery-state.ts'
import type { WebhookRequest, WebhookSender } from '../../src/webhooks/webhook-sender.ts'
import { FakeClock } from './fake-clock.ts'
import { startFleet } from './fleet.ts'
import { until } from './until.ts'

export interface Call {
  url: string
  id: string
  body: { type: string; topic: string; cursor: string; payload: Record<string, unknown> }
  headers: Record<string, string>
  at: number
}

type Answer = Partial<Sent> | 'hang'

/** Receivers whose immediate answers a test chooses. */
export class ScriptedSender implements WebhookSender {
  readonly calls: Call[] = []
  readonly #clock: FakeClock
  /** Answers a call. Default: 200. `hang`: no answer until the call is aborted. */
  answer: (call: Call) => Answer = () => ({ ok: true, statusCode: 200 })

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  async send({ url, headers, body }: WebhookRequest, aborted: AbortSignal): Promise<Sent> {
    const at = this.#clock.now()
    const call = { url, headers, at, id: headers['webhook-id']!, body: JSON.parse(body) }
    this.calls.push(call)
    const answer = this.answer(call)
    if (answer !== 'hang') return { ok: true, durationMs: 1, at, ...answer } as Sent
    return new Promise(resolve => {
      aborted.addEventListener('abort', () => resolve({ ok: false, error: 'given up', at, durationMs: 1 }))
    })
  }

  to(url: string): Call[] {
    return this.calls.filter(call => call.url === url)
  }

  async urlFlaw(): Promise<undefined> {}

  close(): void {}
}

export const failed: Answer = { ok: false, statusCode: 500, error: 'the receiver answered 500' }
export const admin: Principal = { sub: 'ada', role: 'admin', agents: ['*'], expiresAt: Number.POSITIVE_INFINITY }

/** A fleet whose webhooks go to a ScriptedSender, on a clock that a test controls. */
export async function startWebhooks(
  t: Test,
  { dir = t.testdir(), clock = new FakeClock(), limited = {} as Partial<FleetSettings> } = {},
) {
  const sender = new ScriptedSender(clock)
  const revoked = new Set<string>()
  const listeners = new Set<() => void>()
  const notes: { webhookId: string; reason: string }[] = []
  const fleet = await startFleet(t, {
    ...{ dir, clock, limited },
    webhooks: {
      sender,
      random: () => 1,
      revocations: {
        isRevoked: ({ jti }) => jti !== undefined && revoked.has(jti),
        onRevoked: listener => {
          listeners.add(listener)
          return () => void listeners.delete(listener)
        },
      },
      onNote: note => void notes.push(note),
    },
  })
  const manager = (principal: Principal) => ({ principal })
  const create = async (body: Partial<CreateWebhookBody> = {}, principal = admin): Promise<Webhook> => {
    const request = { url: 'https://a.example/', topics: ['tasks.*.status'], ...body }
    const outcome = await fleet.webhooks.create(request, manager(principal))
    if (outcome.status === 'refused') throw new Error(outcome.error.message)
    return outcome.webhook
  }
  const show = async ({ webhookId }: Pick<Webhook, 'webhookId'>): Promise<Webhook> => {
    const outcome = await fleet.webhooks.get(webhookId, admin)
    if (outcome.status === 'refused') throw new Error(outcome.error.message)
    return outcome.webhook
  }
  return {
    ...fleet,
    ...{ fleet, sender, clock, dir, create, show, notes },
    revoke(jti: string) {
      revoked.add(jti)
      for (const listener of listeners) listener()
    },
    /** Causes an event by creating a task. */
    happen: async (title: string) => {
      const outcome = await fleet.tasks.create({ fields: { title } })
      if (outcome.status === 'refused') throw new Error(outcome.error.message)
      return outcome.task
    },
    /** Resolves when the log shows this number of failed attempts at the next event. */
    failedTimes: (webhook: Webhook, attempts: number) =>
      until(async () => {
        const shown = await show(webhook)
        return shown.progress.attempts === attempts && shown
      }),
    /** Resolves with the delivery log, newest first, when its entries fit. */
    deliveries: (webhook: Webhook, fits: (entries: WebhookDelivery[]) => boolean) =>
      until(async () => {
        const outcome = await fleet.webhooks.deliveries(webhook.webhookId, { limit: 500 }, admin)
        return outcome.status === 'ok' && fits(outcome.page.items) && outcome.page.items
      }),
    /** Resolves when at least `count` calls have been made. */
    called: (count: number) => until(() => sender.calls.length >= count && sender.calls),
    titles: (url = 'https://a.example/') => sender.to(url).map(({ body }) => body.payload.title ?? body.type),
  }
}
