import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command, CreatedWebhook, Webhook } from '@fleetwire/protocol'
import t from 'tap'
import { adminToken, fleetwire, freePort, program, type Running } from '../helpers/processes.ts'
import { startReceiver } from '../helpers/receiver.ts'
import { size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

const example = fileURLToPath(new URL('../../../examples/webhook-receiver/receiver.mjs', import.meta.url))
const TASKS = size('WEBHOOK_TASKS', { quick: 15, full: 30 })
const KILLS = size('WEBHOOK_KILLS', { quick: 1, full: 2 })

t.setTimeout(120_000)

/** A server in a process of its own that comes back on the same port, with the same data. */
async function startServer(dir: string) {
  const port = await freePort()
  const env = {
    FLEETWIRE_PORT: String(port),
    FLEETWIRE_DATA_DIR: join(dir, 'data'),
    FLEETWIRE_JWT_SECRET: randomBytes(32).toString('hex'),
    FLEETWIRE_WEBHOOK_ALLOW_PRIVATE: '127.0.0.1',
  }
  const run = async (): Promise<Running> => {
    const server = fleetwire(t, ['serve'], env)
    await server.printed(/listens at/)
    return server
  }
  let server = await run()
  const token = await adminToken(server)
  const url = `http://127.0.0.1:${port}`
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
  return {
    url,
    token,
    call,
    /** The same once more, while the server is away. */
    persist: <T>(method: string, path: string, body?: object) =>
      until(() => call<T>(method, path, body).catch(() => undefined)),
    kill: async () => {
      await server.kill('SIGKILL')
      server = await run()
    },
  }
}

t.test('[WH5] a server that is killed with -9 leaves out no event, and each has one id and one place', async t => {
  const server = await startServer(t.testdir({ data: {} }))
  const receiver = await startReceiver(t)
  let answered = 0
  receiver.respond = (_, response) => {
    // Now and then it fails, or answers so late that a kill comes in between.
    answered++
    if (answered % 15 === 0) response.writeHead(503, { 'retry-after': '0' }).end()
    else setTimeout(() => response.end('thanks'), randomInt(1, 30))
  }
  const webhook = await server.call<CreatedWebhook>('POST', '/webhooks', { url: receiver.url, topics: ['tasks.>'] })
  receiver.secret = webhook.secret
  const titles = Array.from({ length: TASKS }, (_, i) => `task ${i}`)
  const happening = (async () => {
    for (const [i, title] of titles.entries()) {
      // A PUT can be repeated: the answer to the first may be lost with the server.
      await server.persist('PUT', `/tasks/t-${String(i).padStart(3, '0')}`, { title })
    }
  })()
  for (let i = 0; i < KILLS; i++) {
    // In the middle of its work, wherever that is.
    const more = receiver.received.length + randomInt(1, 8)
    await until(() => receiver.received.length >= more)
    await server.kill()
  }
  await happening
  const history: { cursor: string }[] = []
  for (let after: string | null = webhook.progress.cursor; after !== null; ) {
    type Page = { items: { cursor: string }[]; nextCursor: string | null }
    const page: Page = await server.call('GET', `/events?topics=tasks.>&limit=500&after=${after}`)
    history.push(...page.items)
    after = page.nextCursor
  }
  const path = `/webhooks/${webhook.webhookId}`
  await until(async () => {
    const { progress } = await server.call<Webhook>('GET', path)
    // Whoever changes a webhook does not want to wait for its time.
    if (progress.attempts > 0) await server.call('PATCH', path, { name: 'go on' })
    return progress.cursor === history.at(-1)?.cursor
  })
  const first = new Map(receiver.received.map(({ id, body }) => [id, body]).toReversed() as [string, object][])
  const once = [...new Set(receiver.received.map(({ id }) => id))].map(id => first.get(id))
  t.same(once, history, 'with each id once it is the log, in its order')
  t.ok(history.length >= TASKS)
})

t.test('the example verifies, and sees a command through from sent to succeeded over a kill -9', async t => {
  const dir = t.testdir({ data: {}, journal: {} })
  const server = await startServer(dir)
  const agent = fleetwire(t, ['agent', 'exec', '--id', 'build-1', '--journal', join(dir, 'journal')], {
    FLEETWIRE_URL: server.url,
    FLEETWIRE_TOKEN: (await server.call<{ token: string }>('POST', '/tokens', { sub: 'build-1', role: 'agent' })).token,
  })
  await until(() => server.call('GET', '/agents/build-1').catch(() => undefined))
  const port = await freePort()
  const webhook = await server.call<CreatedWebhook>('POST', '/webhooks', {
    url: `http://127.0.0.1:${port}/`,
    topics: ['agents.build-1.commands.>'],
  })
  const receive = (secret: string) =>
    program(
      t,
      process.execPath,
      [example],
      { WEBHOOK_SECRET: secret, PORT: String(port), SEEN_FILE: join(dir, 'seen') },
      dir,
    )
  const receiver = receive(webhook.secret)
  await receiver.printed(/waiting for webhooks/)
  const { commandId } = await server.call<Command>('POST', '/agents/build-1/commands', {
    kind: 'shell',
    input: 'sleep 1; echo done',
  })
  await receiver.printed(/"command:running"/)
  await server.kill()
  await receiver.printed(/"command:succeeded"/)
  const types = () =>
    receiver
      .output()
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as { type: string; payload: Command })
      .filter(({ payload }) => payload.commandId === commandId)
      .map(({ type }) => type)
      .filter(type => type !== 'command:progress')
  t.same(types(), ['command:queued', 'command:dispatched', 'command:running', 'command:succeeded'])
  const forged = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: '{}' })
  t.equal(forged.status, 401)
  await receiver.kill('SIGTERM')
  t.equal((await receiver.ended).code, 0)
  await agent.kill('SIGTERM')

  const without = program(t, process.execPath, [example], {}, dir)
  t.match(await without.ended, { code: 1, stderr: /WEBHOOK_SECRET is not set/ })
})
