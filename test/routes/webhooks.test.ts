import type { Command, CreatedWebhook, RotatedSecret, Webhook, WebhookDelivery } from '@fleetwire/protocol'
import { Webhook as Verifier } from 'standardwebhooks'
import { type Test, test } from 'tap'
import { connectAgent } from '../helpers/bare-agent.ts'
import { type StartOptions, startApp } from '../helpers/build.ts'
import { Capture } from '../helpers/capture.ts'
import { ok, startReceiver } from '../helpers/receiver.ts'
import { until } from '../helpers/until.ts'

/** A server that may send to this machine, and an admin's calls. */
async function start(t: Test, { config, ...options }: StartOptions = {}) {
  const server = await startApp(t, { ...options, config: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8', ...config } })
  const admin = await server.token('admin', { sub: 'ada' })
  const api = <T = Record<string, unknown>>(method: string, path: string, body?: unknown, token = admin) =>
    server.call<T>(token, method, `/api/v1${path}`, body)
  const create = async (body: object, token = admin) => {
    const created = await api<CreatedWebhook>('POST', '/webhooks', body, token)
    t.equal(created.status, 201, JSON.stringify(created.body))
    return created.body
  }
  return { ...server, admin, api, create }
}

test('[WH1] [WH2] a receiver gets every step of a command from queued to succeeded, each event signed', async t => {
  const { api, create, ...server } = await start(t)
  const receiver = await startReceiver(t)
  const agent = await connectAgent(t, server, 'build-1')
  const webhook = await create({ url: receiver.url, topics: ['agents.build-1.commands.>'] })
  receiver.secret = webhook.secret
  const { body: command } = await api<Command>('POST', '/agents/build-1/commands', { kind: 'shell', input: 'true' })
  const { commandId, attempt } = (await agent.next('command:dispatch')).payload
  agent.say('command:ack', { commandId, attempt })
  agent.say('command:result', { commandId, attempt, status: 'succeeded' })
  await receiver.next(({ body }) => body.type === 'command:succeeded')
  t.equal(command.commandId, commandId)
  const history = await api<{ items: unknown[] }>(
    'GET',
    `/events?topics=agents.build-1.commands.${commandId}&after=${webhook.progress.cursor}`,
  )
  t.same(
    receiver.received.map(({ body }) => body),
    history.body.items,
    'the events of the log, in order',
  )
  t.equal(new Set(receiver.received.map(({ id }) => id)).size, receiver.received.length)
})

test('[WH3] [WH4] a webhook receives what its topics, types, labels and rights allow', async t => {
  const { api, create, token, ...server } = await start(t)
  const receiver = await startReceiver(t)
  const connect = async (agentId: string, labels: object) => {
    const agent = await connectAgent(t, { ...server, token } as never, agentId)
    agent.say('agent:connect', { bootId: `boot-${agentId}`, inventory: [], labels }, false)
    await agent.handled()
    return agent
  }
  const agents = [await connect('mine-1', {}), await connect('theirs-1', {})]
  const nina = await token('admin', { sub: 'nina', agents: ['mine-*'] })
  await create({ url: receiver.url, topics: ['agents.*.log'], events: ['agent:error'] }, nina)
  await create({ url: receiver.url, topics: ['agents.*.log'], events: ['agent:*'], labels: { team: 'none' } })
  for (const agent of agents) agent.say('agent:error', { message: 'oh' })
  agents[0]!.say('usage:report', { source: 's', mode: 'delta', requestId: 'r' })
  agents[0]!.say('agent:error', { message: 'last' })
  await receiver.next(({ body }) => body.payload.message === 'last')
  t.same(
    receiver.received.map(({ body }) => [body.topic, body.payload.message]),
    [
      ['agents.mine-1.log', 'oh'],
      ['agents.mine-1.log', 'last'],
    ],
  )
  for (const topic of ['agents.theirs-1.>', 'system.audit', 'users.ada.inbox']) {
    t.match(await api('POST', '/webhooks', { url: receiver.url, topics: [topic] }, nina), {
      status: 403,
      body: { code: 'forbidden' },
    })
  }
})

test('[WH13] [WH14] a URL that may not be used is refused with the reason', async t => {
  const { api, create } = await start(t)
  for (const [url, why] of [
    ['https://10.0.0.1/', /10.0.0.1 is not public \(private\)/],
    ['https://2852039166/', /169.254.169.254 is not public \(link-local\)/],
    ['https://[::ffff:192.168.0.1]/', /not public/],
    ['https://localhost@127.0.0.1/', /must not contain a user/],
    ['ftp://127.0.0.1/', /must begin with https/],
    ['https://127.0.0.1:25/', /must not use port 25/],
    ['nonsense', /is not a valid URL/],
  ] as const) {
    const refused = await api('POST', '/webhooks', { url, topics: ['>'] })
    t.match(refused, { status: 400, body: { code: 'invalid_request', message: why, details: { path: '/url' } } }, url)
  }
  const { webhookId } = await create({ url: 'http://127.0.0.1:9/'.replace(':9', ':1029'), topics: ['tasks.none.>'] })
  t.match(await api('PATCH', `/webhooks/${webhookId}`, { url: 'https://10.0.0.1/' }), { status: 400 })
  for (const body of [
    {},
    { topics: [] },
    { topics: ['a..b'] },
    { topics: ['$webhooks.>'] },
    { events: ['a b'] },
    { events: ['comand:failed'] },
    { format: 'xml' },
    { secret: 'whsec_x' },
    { unknown: 1 },
  ]) {
    const asked = { url: 'https://127.0.0.1/', ...(!('topics' in body) && { topics: ['>'] }), ...body }
    if (Object.keys(body).length === 0) Object.assign(asked, { topics: undefined })
    t.match(
      await api('POST', '/webhooks', asked),
      { status: 400, body: { code: 'invalid_request' } },
      JSON.stringify(body),
    )
  }
})

test('[WH9] secrets are shown only when they are created', async t => {
  const stream = new Capture()
  const { api, create } = await start(t, { logger: { stream }, config: { LOG_LEVEL: 'trace' } })
  const receiver = await startReceiver(t)
  const own = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
  const created = await create({ url: `${receiver.url}?key=hidden-key`, topics: ['tasks.*.status'], secret: own })
  t.equal(created.secret, own)
  const path = `/webhooks/${created.webhookId}`
  const rotated = await api<RotatedSecret>('POST', `${path}/rotate-secret`, {})
  t.equal(rotated.status, 200)
  t.match(rotated.body.secret, /^whsec_/)
  await api('POST', '/tasks', { title: 'x' })
  const both = await receiver.next(({ body }) => body.type === 'task:created')
  for (const secret of [own, rotated.body.secret]) {
    t.doesNotThrow(() => new Verifier(secret).verify(both.text, both.headers), 'both secrets are valid')
  }
  await api('POST', `${path}/rotate-secret`, { keepPreviousMs: 0 })
  await api('POST', '/tasks', { title: 'y' })
  const later = await receiver.next(({ body }) => body.payload.title === 'y')
  t.throws(() => new Verifier(rotated.body.secret).verify(later.text, later.headers))
  receiver.respond = (_, response) => void response.writeHead(410).end()
  await api('POST', '/tasks', { title: 'z' })
  await until(async () => (await api<Webhook>('GET', path)).body.status === 'disabled')
  const answers = [
    ...(await Promise.all(
      ['/webhooks', path, `${path}/deliveries`, '/events?limit=500', '/openapi.json'].map(at => api('GET', at)),
    )),
    await api('PATCH', path, { name: 'named' }),
    await api('POST', `${path}/test`),
  ]
  const shown = JSON.stringify(answers.map(({ body }) => body)) + stream.text
  for (const secret of [own, rotated.body.secret]) t.notOk(shown.includes(secret.slice(6, 30)), 'not shown again')
  t.match(stream.text, /a webhook was disabled/)
  t.notMatch(stream.text, /hidden-key/, 'the log has no more of the URL than its origin')
})

test('[WH7] [AD1] changes to a webhook are in the audit trail, and an inbox is notified when its receiver is gone', async t => {
  const { api, create } = await start(t)
  const receiver = await startReceiver(t, { respond: (_, response) => void response.writeHead(410).end() })
  const { webhookId } = await create({ url: receiver.url, topics: ['tasks.*.status'] })
  await api('PATCH', `/webhooks/${webhookId}`, { name: 'x' })
  await api('POST', `/webhooks/${webhookId}/test`)
  await api('POST', `/webhooks/${webhookId}/rotate-secret`)
  await api('POST', '/tasks', { title: 'x' })
  const told = await until(async () => {
    const { body } = await api<{ items: { payload: unknown }[] }>('GET', '/events?topics=users.ada.inbox')
    return body.items[0]
  })
  t.match(told, { type: 'notification:created', payload: { data: { webhookId, reason: 'gone' } } })
  await api('DELETE', `/webhooks/${webhookId}`)
  const audit = await api<{ items: { payload: { action: string; what: string } }[] }>(
    'GET',
    '/events?topics=system.audit',
  )
  const actions = audit.body.items.map(({ payload }) => payload).filter(({ what }) => what === webhookId)
  t.same(actions.map(({ action }) => action).toReversed(), [
    'webhook:create',
    'webhook:edit',
    'webhook:test',
    'webhook:rotate',
    'webhook:delete',
  ])
})

test('[WH12] the delivery log can be paged and filtered, and sends deliveries again', async t => {
  const { api, create, call, admin } = await start(t)
  const receiver = await startReceiver(t)
  const { webhookId } = await create({ url: receiver.url, topics: ['tasks.*.status'] })
  const path = `/webhooks/${webhookId}/deliveries`
  for (const title of ['a', 'b', 'c']) await api('POST', '/tasks', { title })
  await receiver.next(({ body }) => body.payload.title === 'c')
  await until(async () => (await api<Webhook>('GET', `/webhooks/${webhookId}`)).body.progress.deliveries === 3)
  type Page = { items: WebhookDelivery[]; nextCursor: string | null }
  const first = await api<Page>('GET', `${path}?limit=2`)
  const second = await api<Page>('GET', `${path}?limit=2&cursor=${first.body.nextCursor}`)
  const all = [...first.body.items, ...second.body.items]
  t.equal(second.body.nextCursor, null)
  t.match(all, [{ status: 'delivered', response: 'thanks', statusCode: 200 }, {}, {}])
  t.same(
    all.map(({ messageId }) => messageId).toReversed(),
    receiver.received.map(({ id }) => id),
  )
  receiver.respond = (_, response) => void response.writeHead(500).end('broken')
  const again = await api<WebhookDelivery>('POST', `${path}/${all[2]!.deliveryId}/redeliver`)
  t.match(again, { status: 200, body: { reason: 'redelivery', status: 'failed', response: 'broken', statusCode: 500 } })
  t.equal(receiver.received.at(-1)!.id, all[2]!.messageId)
  t.match(await api<Page>('GET', `${path}?status=failed`), { body: { items: [{ messageId: all[2]!.messageId }] } })
  t.match(await api<Page>('GET', `${path}?status=retrying`), { body: { items: [] } })
  t.match(await api('POST', `${path}/whd_none/redeliver`), { status: 404 })
  receiver.respond = ok
  const metrics = await call<string>(admin, 'GET', '/metrics')
  t.match(metrics.body, /fleetwire_webhooks\{state="active"\} 1/)
  t.match(metrics.body, /fleetwire_webhook_attempts_total\{outcome="delivered"\} 3/)
})

test('[WH11] a webhook for Slack receives what Slack can display', async t => {
  const { api, create } = await start(t)
  const receiver = await startReceiver(t)
  const webhook = await create({ url: receiver.url, topics: ['tasks.*.status'], format: 'slack' })
  receiver.secret = webhook.secret
  await api('POST', '/tasks', { title: '<!channel> look' })
  await until(() => receiver.received.length === 1)
  t.match(JSON.parse(receiver.received[0]!.text), { text: 'task created\n> &lt;!channel&gt; look' })
})
