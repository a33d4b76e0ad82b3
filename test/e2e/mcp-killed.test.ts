import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type McpClient, mcpClient } from '../helpers/mcp-client.ts'
import { adminToken, fleetwire, freePort } from '../helpers/processes.ts'
import { until } from '../helpers/until.ts'

interface Outcome {
  command: { commandId: string; status: string; output: string }
}

/** A server and an agent in processes of their own, and a way to kill the server and to start it again. */
async function start(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'fleetwire-mcp-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = String(await freePort())
  const url = `http://127.0.0.1:${port}`
  const env = { FLEETWIRE_URL: url, FLEETWIRE_DATA_DIR: join(folder, 'data') }
  const serve = async () => {
    const server = fleetwire(t, ['serve', '--port', port], env, folder)
    await server.printed(new RegExp(`:${port}`))
    return server
  }
  let server = await serve()
  const token = await adminToken(server)
  const agent = fleetwire(t, ['agent', 'exec', '--id', 'a1', '--journal', join(folder, 'journal')], env, folder)
  await agent.printed(/is connected/)
  return {
    ...{ url, token, folder, env },
    kill: () => server.kill('SIGKILL'),
    serve: async () => {
      server = await serve()
    },
  }
}

/** A command that ends once the test says so. */
const held = (folder: string, name: string) => `until [ -e ${join(folder, name)} ]; do sleep 0.05; done; echo done`
const release = (folder: string, name: string) => writeFile(join(folder, name), '')

const runs = async (client: McpClient, commandId: string) => {
  for (;;) {
    const { data } = await client.call<Outcome>('get_command', { commandId })
    if (data.command.status === 'running') return
  }
}

test('[MC10] over stdio: one call sees a command through, whatever becomes of the server meanwhile', async t => {
  const { url, token, folder, kill, serve } = await start(t)
  const client = await mcpClient(t, { env: { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token }, cwd: folder })
  const uri = 'fleetwire://agents/a1'
  await client.subscribe([uri])
  const told: string[] = []
  const sending = client.call<Outcome>(
    'send_command',
    { agentId: 'a1', kind: 'shell', input: held(folder, 'go'), waitSeconds: 60 },
    { onprogress: ({ message = '' }) => told.push(message) },
  )
  await until(() => told.includes('running'))
  await kill()
  // A call that is made while there is no server waits for it.
  const listing = client.call<{ commands: unknown[] }>('list_commands')
  await release(folder, 'go')
  await serve()
  t.match(await sending, { isError: false, data: { command: { status: 'succeeded', output: /done/ } } })
  t.match(await listing, { isError: false, data: { commands: { length: 1 } } })
  t.match(client.stderr(), /does not answer; trying again.*answers again/s)

  const updated = client.updated(uri)
  const sent = await client.call<Outcome>('send_command', { agentId: 'a1', kind: 'shell', input: 'echo more' })
  t.equal(sent.data.command.output.trim(), 'more')
  await updated
})

for (const generation of ['sdk 1', 'sdk 2, protocol 2026'] as const) {
  test(`[MC4] [MC7] [MC8] ${generation}: over HTTP a client goes on with what it has: its session, its subscriptions, its command`, async t => {
    const { url, token, folder, kill, serve } = await start(t)
    const client = await mcpClient(t, { url, token }, generation)
    const uri = 'fleetwire://agents/a1'
    await client.subscribe([uri])
    const idempotencyKey = 'the-one'
    const send = { agentId: 'a1', kind: 'shell', input: held(folder, 'go'), idempotencyKey }
    const { data } = await client.call<Outcome>('send_command', { ...send, waitSeconds: 0 })
    const { commandId } = data.command
    await runs(client, commandId)
    // Some clients notice a cut stream by their own timeout alone.
    const waiting = client.call('wait_command', { commandId, waitSeconds: 60 }, { timeout: 3000 })
    const cut = t.rejects(waiting, 'the call is lost, the command is not')
    await kill()
    await release(folder, 'go')
    await cut
    const updated = client.updated(uri)
    await serve()
    const ended = await client.call<Outcome>('wait_command', { commandId, waitSeconds: 60 })
    t.match(ended, { isError: false, data: { command: { status: 'succeeded', output: /done/ } } })
    const again = await client.call<Outcome>('send_command', { ...send, waitSeconds: 0 })
    t.equal(again.data.command.commandId, commandId, 'the same call is the same command')
    t.match(again.text, /used before/)
    // The protocol of 2026 knows no stream that comes back: the client listens anew.
    if (generation.endsWith('2026')) await client.subscribe([uri])
    await client.call('send_command', { agentId: 'a1', kind: 'shell', input: 'true' })
    await updated
  })
}
