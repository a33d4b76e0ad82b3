import t from 'tap'
import { copyLog } from '../../../src/log/sqlite-backup.ts'
import { until } from '../../helpers/until.ts'
import { admin, failed, startWebhooks } from '../../helpers/webhooks.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

t.test('[WH5] a failure is retried with growing waits and the same id, before later events', async t => {
  const { sender, clock, create, happen, failedTimes, called, titles, deliveries } = await startWebhooks(t)
  const webhook = await create()
  sender.answer = () => failed
  await happen('one')
  await happen('two')
  for (const [i, seconds] of [5, 10, 20, 40, 80].entries()) {
    const { progress } = await failedTimes(webhook, i + 1)
    t.match(progress, { error: 'the receiver answered 500', nextAttemptAt: clock.now() + seconds * 1000 })
    clock.advance(seconds * 1000 - 1)
    await failedTimes(webhook, i + 1)
    t.equal(sender.calls.length, i + 1, 'not before its time')
    clock.advance(1)
    await called(i + 2)
  }
  await failedTimes(webhook, 6)
  sender.answer = () => ({ ok: true, statusCode: 204 })
  clock.advance(160_000)
  await called(8)
  t.same(titles(), [...Array(7).fill('one'), 'two'])
  t.equal(new Set(sender.calls.slice(0, 7).map(({ id }) => id)).size, 1, 'one id for all attempts')
  t.not(sender.calls[7]!.id, sender.calls[0]!.id)
  t.not(sender.calls[1]!.headers['webhook-timestamp'], sender.calls[0]!.headers['webhook-timestamp'])
  const [second, first] = await deliveries(
    webhook,
    entries => entries.length === 2 && entries[0]!.status === 'delivered',
  )
  t.match(first, { attempts: 7, status: 'delivered', statusCode: 204, type: 'task:created', reason: 'event' })
  t.match(second, { attempts: 1, status: 'delivered' })
  t.notOk('error' in first!, 'the last attempt had no error')
})

t.test('[WH5] Retry-After is waited for', async t => {
  const { sender, clock, create, happen, failedTimes, called } = await startWebhooks(t)
  const webhook = await create()
  sender.answer = () => ({ ok: false, error: 'the receiver answered 429', statusCode: 429, retryAfterMs: 90_000 })
  await happen('one')
  await failedTimes(webhook, 1)
  clock.advance(89_999)
  await failedTimes(webhook, 1)
  clock.advance(1)
  await called(2)
})

t.test('[WH6] a receiver that fails or never responds delays no other', async t => {
  const { sender, create, happen, called, titles, clock } = await startWebhooks(t)
  sender.answer = ({ url }) => (url.includes('dead') ? 'hang' : url.includes('ill') ? failed : {})
  await create({ url: 'https://dead.example/' })
  await create({ url: 'https://ill.example/' })
  await create()
  for (const title of ['one', 'two', 'three']) await happen(title)
  await until(() => sender.to('https://a.example/').length === 3)
  t.same(titles(), ['one', 'two', 'three'])
  t.same(titles('https://dead.example/'), ['one'])
  t.same(titles('https://ill.example/'), ['one'])
  t.equal(clock.now(), 1_700_000_000_000, 'no time passed')
  await called(5)
})

t.test('[WH6] receivers that failed before leave half of the slots to the others', async t => {
  const limited = { webhookConcurrency: 2 }
  const { sender, create, happen, titles, clock, failedTimes } = await startWebhooks(t, { limited })
  sender.answer = () => failed
  const ill = await Promise.all([1, 2, 3].map(i => create({ url: `https://ill${i}.example/` })))
  await happen('one')
  for (const webhook of ill) await failedTimes(webhook, 1)
  sender.answer = ({ url }) => (url.includes('ill') ? 'hang' : {})
  clock.advance(5000)
  await create()
  await happen('two')
  await happen('three')
  await until(() => sender.to('https://a.example/').length === 2)
  t.same(titles(), ['two', 'three'])
  t.equal(sender.calls.filter(({ url, at }) => url.includes('ill') && at === clock.now()).length, 1, 'one at a time')
})

t.test('[WH7] after a day of failures a webhook is disabled, and its creator is notified', async t => {
  const { sender, clock, create, happen, failedTimes, event, show, deliveries, notes } = await startWebhooks(t)
  const webhook = await create({ name: 'chat', url: 'https://a.example/secret/path?key=secret' })
  sender.answer = () => failed
  await happen('one')
  const from = clock.now()
  let attempts = 1
  for (; clock.now() - from < DAY; attempts++) {
    const { progress } = await failedTimes(webhook, attempts)
    clock.advance(progress.nextAttemptAt! - clock.now())
    await until(() => sender.calls.length > attempts)
  }
  const { payload, topic } = await event(({ type }) => type === 'notification:created')
  t.equal(topic, 'users.ada.inbox')
  t.match(payload, {
    title: 'The webhook "chat" to https://a.example was disabled',
    message: /failed for too long.*answered 500/,
    data: { webhookId: webhook.webhookId, reason: 'failing' },
  })
  t.notMatch(JSON.stringify(payload), /secret/)
  t.match(await show(webhook), { status: 'disabled', disabledReason: 'failing' })
  t.match(notes, [{ webhookId: webhook.webhookId, reason: 'failing', origin: 'https://a.example' }])
  const [entry] = await deliveries(webhook, ([newest]) => newest?.status === 'failed')
  t.equal(entry!.attempts, sender.calls.length)
  t.ok(clock.now() - from < DAY + 2 * HOUR)
  const { length } = sender.calls
  await happen('two')
  clock.advance(DAY)
  t.equal(sender.calls.length, length, 'nothing more is sent')
})

t.test('[WH7] [WH8] once enabled again, it continues where it stopped', async t => {
  const { sender, create, happen, show, fleet, called, titles, event, deliveries } = await startWebhooks(t)
  const webhook = await create()
  sender.answer = () => ({ ok: false, isGone: true, statusCode: 410, error: 'the receiver answered 410' })
  await happen('one')
  await event(({ type }) => type === 'notification:created')
  t.match(await show(webhook), { status: 'disabled', disabledReason: 'gone', progress: { attempts: 1 } })
  await happen('two')
  sender.answer = () => ({})
  const edited = await fleet.webhooks.edit(webhook.webhookId, { enabled: true }, { principal: admin })
  t.match(edited, { status: 'ok', webhook: { status: 'active', progress: { attempts: 0 } } })
  t.notOk('disabledReason' in (edited as { webhook: object }).webhook)
  await called(3)
  t.same(titles(), ['one', 'one', 'two'])
  const entries = await deliveries(webhook, entries => entries.length === 3)
  t.same(
    entries.map(({ status }) => status),
    ['delivered', 'delivered', 'failed'],
  )
})

t.test('[WH7] time while the server was down does not count', async t => {
  const first = await startWebhooks(t)
  const webhook = await first.create()
  first.sender.answer = () => failed
  await first.happen('one')
  await first.failedTimes(webhook, 1)
  await first.end()
  first.clock.advance(3 * DAY)
  const second = await startWebhooks(t, { dir: first.dir, clock: first.clock })
  second.sender.answer = () => failed
  await second.failedTimes(webhook, 2)
  t.match(await second.show(webhook), { status: 'active' })
  t.equal(second.sender.calls[0]!.id, first.sender.calls[0]!.id)
})

t.test('[WH5] a restart keeps the remaining wait, even if the clock was changed', async t => {
  const first = await startWebhooks(t)
  const webhook = await first.create()
  first.sender.answer = () => failed
  await first.happen('one')
  await first.failedTimes(webhook, 1)
  first.clock.advance(2000)
  await first.end()
  const second = await startWebhooks(t, { dir: first.dir, clock: first.clock })
  second.sender.answer = () => failed
  second.clock.advance(2999)
  await second.failedTimes(webhook, 1)
  t.same(second.sender.calls, [])
  second.clock.advance(1)
  await second.failedTimes(webhook, 2)
  await second.end()
  second.clock.jump(-10 * DAY)
  const third = await startWebhooks(t, { dir: first.dir, clock: first.clock })
  await third.show(webhook)
  third.clock.advance(10_000)
  await third.called(1)
})

t.test('[WH5] a stopped fleet sends nothing, and its next start continues', async t => {
  const { sender, fleet, create, happen, called, titles, clock } = await startWebhooks(t)
  const webhook = await create()
  await happen('one')
  await called(1)
  sender.answer = () => 'hang'
  await happen('two')
  await called(2)
  await fleet.stop()
  clock.advance(DAY)
  t.match(await fleet.webhooks.test(webhook.webhookId, { principal: admin }), {
    status: 'refused',
    error: { code: 'unavailable' },
  })
  t.equal(sender.calls.length, 2)
  sender.answer = () => ({})
  await fleet.start()
  await called(3)
  await happen('three')
  await called(4)
  t.same(titles(), ['one', 'two', 'two', 'three'])
  t.equal(sender.calls[2]!.id, sender.calls[1]!.id)
})

t.test('[WH8] events that left the log before they could be sent are reported as a gap', async t => {
  const { sender, create, happen, retain, clock, called, titles, failedTimes } = await startWebhooks(t)
  const webhook = await create()
  sender.answer = () => failed
  await happen('lost')
  await failedTimes(webhook, 1)
  await happen('lost too')
  clock.advance(DAY + 1)
  await happen('kept')
  await retain()
  sender.answer = () => ({})
  clock.advance(HOUR)
  await until(() => titles().includes('kept'))
  t.same(titles().slice(-2), ['webhook:gap', 'kept'])
  const gap = sender.calls.at(-2)!
  t.match(gap.body, {
    topic: `webhooks.${webhook.webhookId}`,
    payload: { reason: 'expired', after: String, resumedAt: String, message: /left the log/ },
  })
  await called(3)
})

t.test('[WH8] a log restored from a copy continues where it was, and reports a gap', async t => {
  const first = await startWebhooks(t, { dir: t.testdir({ log: {}, copy: {} }) })
  const webhook = await first.create()
  await first.happen('one')
  await first.deliveries(webhook, ([newest]) => newest?.status === 'delivered')
  first.sender.answer = () => failed
  await first.happen('two')
  await first.failedTimes(webhook, 1)
  const copy = `${first.dir}/copy`
  t.match(await copyLog(first.dir, copy), { status: 'copied' })
  await first.happen('lost to the copy')
  await first.end()
  const second = await startWebhooks(t, { dir: copy, clock: first.clock })
  await second.happen('three')
  second.clock.advance(HOUR)
  await until(() => second.titles().includes('three'))
  t.same(second.titles(), ['webhook:gap', 'two', 'three'])
  t.match(second.sender.calls[0]!.body.payload, { reason: 'epoch', message: /restored from a backup/ })
  const ids = new Set(first.sender.calls.map(({ id }) => id))
  t.notOk(
    second.sender.calls.some(({ id }) => ids.has(id)),
    'no id stands for two events',
  )
  const entries = await second.deliveries(webhook, entries => entries.some(({ type }) => type === 'webhook:gap'))
  const one = entries.find(({ messageId }) => messageId === first.sender.calls[0]!.id)!
  const again = await second.fleet.webhooks.redeliver(webhook.webhookId, one.deliveryId, { principal: admin })
  t.match(again, { status: 'ok', delivery: { messageId: one.messageId } })
  t.equal(second.sender.calls.at(-1)!.body.payload.title, 'one')
})
