import type { Webhook } from '@fleetwire/protocol'
import t from 'tap'
import type { Principal } from '../../../src/auth/principal.ts'
import { deliveryDrafts, KEPT_DELIVERIES } from '../../../src/webhooks/webhook-record.ts'
import { until } from '../../helpers/until.ts'
import { admin, failed, startWebhooks } from '../../helpers/webhooks.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const manager = { principal: admin }
const idOf = ({ webhookId }: Pick<Webhook, 'webhookId'>) => webhookId

t.test('[WH8] waiting events are skipped on request, and the receiver gets a gap', async t => {
  const { sender, fleet, create, happen, failedTimes, called, titles, clock } = await startWebhooks(t)
  const webhook = await create()
  sender.answer = () => failed
  await happen('one')
  await happen('two')
  await failedTimes(webhook, 1)
  sender.answer = () => failed
  await fleet.webhooks.edit(idOf(webhook), { skipWaiting: true }, manager)
  await happen('three')
  await until(() => titles().includes('webhook:gap'))
  await failedTimes(webhook, 1)
  sender.answer = () => ({})
  clock.advance(MINUTE)
  await until(() => titles().includes('three'))
  t.same(titles(), ['one', 'webhook:gap', 'webhook:gap', 'three'])
  const gaps = sender.calls.slice(1, 3)
  t.equal(gaps[0]!.id, gaps[1]!.id)
  t.match(gaps[0]!.body.payload, { reason: 'skipped', after: String, webhookId: idOf(webhook) })
  await called(4)
})

t.test('[WH5] a change is tried at once, with the new settings', async t => {
  const { sender, fleet, create, happen, failedTimes, called, titles, clock } = await startWebhooks(t)
  const webhook = await create()
  sender.answer = ({ url }) => (url.includes('new') ? {} : failed)
  await happen('one')
  await failedTimes(webhook, 1)
  await fleet.webhooks.edit(idOf(webhook), { url: 'https://new.example/' }, manager)
  await called(2)
  t.same(titles('https://new.example/'), ['one'])
  t.equal(clock.now(), 1_700_000_000_000, 'no time passed')
  t.equal(sender.calls[1]!.id, sender.calls[0]!.id)
})

t.test('[WH5] an event that no longer matches is not sent, and delays nothing', async t => {
  const { sender, fleet, create, happen, failedTimes, titles, show, tasks } = await startWebhooks(t)
  const webhook = await create()
  sender.answer = ({ body }) => (body.payload.title === 'poison' ? failed : {})
  const { taskId } = await happen('poison')
  await happen('good')
  await failedTimes(webhook, 1)
  await fleet.webhooks.edit(idOf(webhook), { events: ['task:deleted'] }, manager)
  await tasks.remove(taskId)
  await until(() => titles().includes('task:deleted'))
  t.same(titles(), ['poison', 'task:deleted'])
  await until(async () => (await show(webhook)).progress.attempts === 0)
})

t.test('[WH8] skipping passes an event that is always refused', async t => {
  const { sender, fleet, create, happen, failedTimes, titles, show } = await startWebhooks(t)
  const webhook = await create()
  sender.answer = ({ body }) => (body.payload.title === 'poison' ? failed : {})
  await happen('poison')
  await happen('good')
  await failedTimes(webhook, 1)
  t.notOk(titles().includes('good'), 'it waits for its turn')
  await fleet.webhooks.edit(idOf(webhook), { skipWaiting: true }, manager)
  await happen('later')
  await until(() => titles().includes('later'))
  await until(async () => (await show(webhook)).progress.attempts === 0)
})

t.test('[WH12] an event is sent again by hand, with its id, while it is in the log', async t => {
  const { sender, fleet, create, happen, deliveries, clock, retain, show } = await startWebhooks(t)
  const webhook = await create()
  await happen('one')
  await happen('two')
  const [, one] = await deliveries(webhook, entries => entries.length === 2)
  const redeliver = (id: string) => fleet.webhooks.redeliver(idOf(webhook), id, manager)
  const again = await redeliver(one!.deliveryId)
  t.match(again, { status: 'ok', delivery: { reason: 'redelivery', status: 'delivered', messageId: one!.messageId } })
  t.same(
    sender.calls.map(({ body, id }) => [body.payload.title, id]),
    [
      ['one', one!.messageId],
      ['two', sender.calls[1]!.id],
      ['one', one!.messageId],
    ],
  )
  sender.answer = () => failed
  t.match(await redeliver(one!.deliveryId), { status: 'ok', delivery: { status: 'failed', statusCode: 500 } })
  t.match(await show(webhook), { status: 'active', progress: { attempts: 0, deliveries: 4 } }, 'it changes no progress')
  const test = await fleet.webhooks.test(idOf(webhook), manager)
  t.match(test, { status: 'ok', delivery: { reason: 'test', type: 'webhook:test', status: 'failed' } })
  const { deliveryId } = (test as { delivery: { deliveryId: string } }).delivery
  t.match(await redeliver(deliveryId), { status: 'refused', error: { code: 'conflict' } })
  t.match(await redeliver('whd_999999999999'), { status: 'refused', error: { code: 'not_found' } })
  clock.advance(DAY + 1)
  await retain()
  t.match(await redeliver(one!.deliveryId), { status: 'refused', error: { code: 'cursor_gone' } })
})

t.test('[WH12] a delivery by hand during an attempt neither loses nor repeats that attempt', async t => {
  const { sender, fleet, create, happen, called, deliveries, titles } = await startWebhooks(t)
  const webhook = await create()
  let go = () => {}
  const held = new Promise<void>(resolve => {
    go = resolve
  })
  const send = sender.send.bind(sender)
  sender.send = async (request, aborted) => {
    const sent = await send(request, aborted)
    if (JSON.parse(request.body).type === 'task:created') await held
    return sent
  }
  await happen('one')
  await called(1)
  t.match(await fleet.webhooks.test(idOf(webhook), manager), { status: 'ok' })
  go()
  await happen('two')
  const entries = await deliveries(webhook, entries => entries.length === 3)
  t.same(titles(), ['one', 'webhook:test', 'two'])
  t.same(new Set(entries.map(({ deliveryId }) => deliveryId)).size, 3)
})

t.test('[WH5] while the disk is full, deliveries are recorded later, and not sent again', async t => {
  const { sender, create, happen, log, called, clock, show, titles } = await startWebhooks(t)
  const webhook = await create()
  await happen('one')
  await happen('two')
  await called(2)
  log.refuses = ([first]) => first?.topic.startsWith('$webhook') ?? false
  await happen('three')
  await until(() => log.refused > 0)
  log.refuses = () => false
  await until(() => {
    clock.advance(500)
    return sender.calls.length === 3
  })
  await happen('four')
  await until(async () => {
    clock.advance(500)
    return (await show(webhook)).progress.deliveries === 4
  })
  t.same(titles(), ['one', 'two', 'three', 'four'])
})

t.test('[WH7] a webhook ends with the token that vouches for it', async t => {
  const { sender, fleet, create, happen, called, revoke, show, event } = await startWebhooks(t)
  const bob: Principal = { ...admin, sub: 'bob', jti: 'tok_bob' }
  const webhook = await create({}, bob)
  const other = await create({ url: 'https://other.example/' }, { ...bob, jti: 'tok_other' })
  await happen('one')
  await called(2)
  revoke('tok_bob')
  t.match(await event(({ type }) => type === 'notification:created'), { topic: 'users.bob.inbox' })
  t.match(await show(webhook), { status: 'disabled', disabledReason: 'revoked' })
  await happen('two')
  await called(3)
  t.equal(sender.to('https://a.example/').length, 1)
  t.match(await show(other), { status: 'active' })
  // The user who enables a webhook vouches for it; it keeps the rights that it had.
  const ada: Principal = { ...admin, jti: 'tok_ada' }
  await fleet.webhooks.edit(idOf(webhook), { enabled: true }, { principal: ada })
  await called(4)
  t.match(await show(webhook), { status: 'active', createdBy: 'bob', rights: { sub: 'bob' } })
  revoke('tok_ada')
  await until(async () => (await show(webhook)).status === 'disabled')
})

t.test(
  '[WH7] a webhook revoked while the disk is full is sent nothing more, and disabled once there is space',
  async t => {
    const { sender, create, happen, called, revoke, log, clock, show } = await startWebhooks(t)
    const webhook = await create({}, { ...admin, jti: 'tok_1' })
    await happen('one')
    await called(1)
    log.refuses = ([first]) => first?.topic.startsWith('$webhooks') ?? false
    revoke('tok_1')
    await until(() => log.refused > 0)
    await happen('two')
    t.match(await show(webhook), { status: 'active' })
    log.refuses = () => false
    await until(async () => {
      clock.advance(MINUTE)
      return (await show(webhook)).disabledReason === 'revoked'
    })
    t.equal(sender.calls.length, 1)
  },
)

t.test('[WH7] a token revoked while the fleet was stopped ends its webhook at the start', async t => {
  const { sender, fleet, create, happen, revoke, show } = await startWebhooks(t)
  const webhook = await create({}, { ...admin, jti: 'tok_1' })
  sender.answer = () => 'hang'
  await happen('one')
  await until(() => sender.calls.length === 1)
  await fleet.stop()
  revoke('tok_1')
  await fleet.start()
  await until(async () => (await show(webhook)).disabledReason === 'revoked')
})

t.test('[WH10] the number of webhooks is limited', async t => {
  const { create, fleet } = await startWebhooks(t, { limited: { maxWebhooks: 2 } })
  const request = { url: 'https://a.example/', topics: ['>'] }
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => fleet.webhooks.create(request, manager)))
  t.equal(outcomes.filter(({ status }) => status === 'ok').length, 2)
  t.match(
    outcomes.find(({ status }) => status === 'refused'),
    { error: { code: 'too_large', message: /MAX_WEBHOOKS/ } },
  )
  const [kept] = outcomes as { webhook: Webhook }[]
  t.equal(await fleet.webhooks.remove(idOf(kept!.webhook), manager), undefined)
  await create()
})

t.test('a removed webhook is sent nothing more and is not found', async t => {
  const { sender, fleet, create, happen, failedTimes, clock, log } = await startWebhooks(t)
  const webhook = await create()
  sender.answer = () => failed
  await happen('one')
  await failedTimes(webhook, 1)
  t.equal(await fleet.webhooks.remove(idOf(webhook), manager), undefined)
  for (const outcome of [
    await fleet.webhooks.get(idOf(webhook), admin),
    await fleet.webhooks.edit(idOf(webhook), { name: 'x' }, manager),
    await fleet.webhooks.test(idOf(webhook), manager),
    await fleet.webhooks.rotate(idOf(webhook), {}, manager),
    await fleet.webhooks.deliveries(idOf(webhook), { limit: 1 }, admin),
  ]) {
    t.match(outcome, { status: 'refused', error: { code: 'not_found' } })
  }
  t.match(await fleet.webhooks.remove(idOf(webhook), manager), { code: 'not_found' })
  await happen('two')
  clock.advance(DAY)
  await happen('three')
  t.equal(sender.calls.length, 1)
  t.same((await fleet.webhooks.list({ limit: 10 }, admin)).items, [])
  const { records } = await log.list({ kind: '$webhooks', limit: 10 })
  t.match(
    records[0]?.payload,
    { status: 'removed', secrets: [], url: '' },
    'the remaining record contains nothing of value',
  )
})

t.test('[WH8] a webhook without events stores how far it has looked, so that no false gap is reported', async t => {
  const first = await startWebhooks(t)
  const webhook = await first.create({ topics: ['tasks.mine.status'] })
  await first.happen('of others')
  await until(async () => {
    first.clock.advance(MINUTE)
    return (await first.show(webhook)).progress.cursor !== webhook.progress.cursor
  })
  await first.end()
  first.clock.advance(DAY + 1)
  const second = await startWebhooks(t, { dir: first.dir, clock: first.clock })
  await second.retain()
  await second.tasks.create({ taskId: 'mine', fields: { title: 'mine' } })
  await second.called(1)
  t.same(second.titles(), ['mine'])
})

t.test('[WH9] a rotation keeps the previous secret valid for the requested time', async t => {
  const { sender, fleet, create, happen, called, clock } = await startWebhooks(t)
  const webhook = await create()
  const count = () => sender.calls.at(-1)!.headers['webhook-signature']!.split(' ').length
  await happen('one')
  await called(1)
  t.equal(count(), 1)
  const rotated = await fleet.webhooks.rotate(idOf(webhook), { keepPreviousMs: MINUTE }, manager)
  t.match(rotated, { status: 'ok', secret: /^whsec_/, previousSecretExpiresAt: clock.now() + MINUTE })
  await happen('two')
  await called(2)
  t.equal(count(), 2)
  clock.advance(MINUTE)
  await happen('three')
  await called(3)
  t.equal(count(), 1)
  for (let i = 0; i < 6; i++) await fleet.webhooks.rotate(idOf(webhook), {}, manager)
  await happen('four')
  await called(4)
  t.equal(count(), 4, 'the header stays short')
  await fleet.webhooks.rotate(idOf(webhook), { keepPreviousMs: 0 }, manager)
})

t.test('the delivery log keeps the newest entries of each webhook', async t => {
  const delivery = { webhookId: 'whk_1', deliveryId: 'whd_000000001234', attemptedAt: 0 } as never
  const drafts = deliveryDrafts(delivery, KEPT_DELIVERIES + 234)
  t.match(drafts, [
    { record: 'set', topic: '$webhook-deliveries.whk_1.whd_000000001234' },
    { record: 'delete', topic: '$webhook-deliveries.whk_1.whd_000000000234' },
  ])
  t.equal(deliveryDrafts(delivery, KEPT_DELIVERIES - 1).length, 1)
})
