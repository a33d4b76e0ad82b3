import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command, CreatedWebhook, Webhook } from '@fleetwire/protocol'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import type { Killed } from '../../helpers/killed-server.ts'
import { freePort, program } from '../../helpers/processes.ts'
import { startReceiver } from '../../helpers/receiver.ts'
import { size } from '../../helpers/sizes.ts'
import { until } from '../../helpers/until.ts'

const example = fileURLToPath(new URL('../../../../examples/webhook-receiver/receiver.mjs', import.meta.url))
const TASKS = size('WEBHOOK_TASKS', { quick: 15, full: 30 })
const KILLS = size('WEBHOOK_KILLS', { quick: 1, full: 2 })
/** This many events are delivered late. */
const BEHIND = 5

/** A receiver of all events, while events keep happening. */
export const webhook: Killed = async (t, { call, persist, kill, restart }) => {
  const receiver = await startReceiver(t)
  let answered = 0
  receiver.respond = (_, response) => {
    // Now and then it fails, or responds so late that a kill happens before the response.
    answered++
    if (answered % 15 === 0) response.writeHead(503, { 'retry-after': '0' }).end()
    else setTimeout(() => response.end('thanks'), randomInt(1, 60))
  }
  const webhook = await call<CreatedWebhook>('POST', '/webhooks', { url: receiver.url, topics: ['tasks.>'] })
  receiver.secret = webhook.secret
  let isOver = false
  const happen = async () => {
    for (let i = 0; !isOver || i < TASKS; i++) {
      await until(() => receiver.received.length > i - BEHIND)
      // A PUT can be repeated: the response to the first may be lost with the server.
      await persist('PUT', `/tasks/t-${String(i).padStart(4, '0')}`, { title: `task ${i}` })
    }
  }
  let happening: Promise<void> | undefined
  for (let i = 0; i < KILLS; i++) {
    await kill(async () => {
      happening ??= happen()
      // Killed in the middle of its work, wherever that is.
      const more = receiver.received.length + randomInt(1, 8)
      await until(() => receiver.received.length >= more)
    })
    await restart()
  }
  isOver = true
  await happening
  const history: { cursor: string }[] = []
  for (let after: string | null = webhook.progress.cursor; after !== null; ) {
    type Page = { items: { cursor: string }[]; nextCursor: string | null }
    const page: Page = await persist('GET', `/events?topics=tasks.>&limit=500&after=${after}`)
    history.push(...page.items)
    after = page.nextCursor
  }
  const path = `/webhooks/${webhook.webhookId}`
  await until(async () => {
    const { progress } = await persist<Webhook>('GET', path)
    // Updating a webhook makes it retry at once instead of waiting for its backoff.
    if (progress.attempts > 0) await persist('PATCH', path, { name: 'go on' })
    return progress.cursor === history.at(-1)?.cursor
  })
  const first = new Map(receiver.received.map(({ id, body }) => [id, body]).toReversed() as [string, object][])
  const once = [...new Set(receiver.received.map(({ id }) => id))].map(id => first.get(id))
  t.same(once, history, 'without repeated ids, deliveries equal the log, in its order')
  t.ok(history.length >= TASKS)
}

/** The example receiver, which sees every step of a command from sent to succeeded. */
export const webhookReceiver: Killed = async (t, { call, env, mint, kill, restart }) => {
  const dir = t.testdir({ journal: {} })
  const args = ['agent', 'exec', '--id', 'build-1', '--journal', join(dir, 'journal')]
  const agent = fleetwireHere(t, args, {
    env: { FLEETWIRE_URL: env.FLEETWIRE_URL!, FLEETWIRE_TOKEN: await mint('build-1', 'agent') },
    folder: dir,
  })
  await agent.printed(/is connected/)
  const port = await freePort()
  const webhook = await call<CreatedWebhook>('POST', '/webhooks', {
    url: `http://127.0.0.1:${port}/`,
    topics: ['agents.build-1.commands.>'],
  })
  const settings = { WEBHOOK_SECRET: webhook.secret, PORT: String(port), SEEN_FILE: join(dir, 'seen') }
  const receiver = program(t, process.execPath, [example], settings, dir)
  await receiver.printed(/waiting for webhooks/)
  const go = join(dir, 'go')
  const { commandId } = await call<Command>('POST', '/agents/build-1/commands', {
    kind: 'shell',
    input: `until [ -e '${go}' ]; do sleep 0.05; done; echo done`,
  })
  await receiver.printed(/"command:running"/)
  await kill()
  writeFileSync(go, '')
  await restart()
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
}
