import type { Command, CreatedWebhook } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { connectAgent } from '../helpers/bare-agent.ts'
import { type StartOptions, startApp } from '../helpers/build.ts'
import { startReceiver } from '../helpers/receiver.ts'

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

test('[WH1] [WH2] a receiver sees a command from queued to succeeded, each event signed', async t => {
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
    'the events of the log, in their order',
  )
  t.equal(new Set(receiver.received.map(({ id }) => id)).size, receiver.received.length)
})
