import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { mcpClient } from '../helpers/mcp-client.ts'
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
    ...{ url, token, folder },
    kill: () => server.kill('SIGKILL'),
    serve: async () => {
      server = await serve()
    },
  }
}

test('[MC4] [MC7] [MC8] [MC10] clients of every kind see a command through a kill -9 of the server, and hear of changes after it', async t => {
  const { url, token, folder, kill, serve } = await start(t)
  const stdio = await mcpClient(t, { env: { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token }, cwd: folder })
  const older = await mcpClient(t, { url, token }, 'sdk 1')
  const newer = await mcpClient(t, { url, token }, 'sdk 2, protocol 2026')
  const uri = 'fleetwire://agents/a1'
  for (const client of [stdio, older, newer]) await client.subscribe([uri])

  // It ends once this test says so.
  const go = join(folder, 'go')
  const command = {
    ...{ agentId: 'a1', kind: 'shell', idempotencyKey: 'the-one' },
    input: `until [ -e ${go} ]; do sleep 0.05; done; echo done`,
  }
  const told: string[] = []
  const onprogress = ({ message = '' }) => told.push(message)
  const sending = stdio.call<Outcome>('send_command', { ...command, waitSeconds: 60 }, { onprogress })
  await until(() => told.includes('running'))
  const { data } = await older.call<{ commands: { commandId: string }[] }>('list_commands')
  const { commandId } = data.commands[0]!
  // Some clients notice a cut stream by their own timeout alone.
  const waiting = [older, newer].map(client => client.call('wait_command', { commandId }, { timeout: 3000 }))
  const cut = Promise.all(waiting.map(wait => t.rejects(wait, 'over HTTP the call is lost, the command is not')))

  await kill()
  // Over stdio a call that is made meanwhile waits for the server.
  const listing = stdio.call<{ commands: unknown[] }>('list_commands')
  await writeFile(go, '')
  await cut
  const heard = [stdio, older].map(client => client.updated(uri))
  await serve()

  const done = { isError: false, data: { command: { commandId, status: 'succeeded', output: /^done/ } } }
  t.match(await sending, done, 'over stdio the one call sees it through')
  t.match(await listing, { isError: false, data: { commands: { length: 1 } } })
  t.match(stdio.stderr(), /does not answer; trying again.*answers again/s)
  for (const client of [older, newer]) {
    t.match(await client.call('wait_command', { commandId, waitSeconds: 60 }), done)
    t.match(await client.call('send_command', command), { ...done, text: /used before/ }, 'the same call again')
  }
  // The protocol of 2026 knows no stream that comes back: the client listens anew.
  await newer.subscribe([uri])
  heard.push(newer.updated(uri))
  t.match(await newer.call('send_command', { agentId: 'a1', kind: 'shell', input: 'echo more' }), {
    data: { command: { status: 'succeeded', output: /^more/ } },
  })
  await Promise.all(heard)
})
