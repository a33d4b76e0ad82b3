import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import type { Killed } from '../../helpers/killed-server.ts'
import { type McpClient, mcpClient } from '../../helpers/mcp-client.ts'
import { until } from '../../helpers/until.ts'

interface Outcome {
  command: { commandId: string; status: string; output: string }
}

/** Models: MCP clients of every kind. */
export const mcpClients: Killed = async (t, { url, token, env, kill, restart }) => {
  const folder = await emptyFolder(t)
  const journal = ['--journal', join(folder, 'journal')]
  const agent = fleetwireHere(t, ['agent', 'exec', '--id', 'of-models', ...journal], { env, folder })
  await agent.printed(/is connected/)
  const stdio = await mcpClient(t, { env: { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token }, cwd: folder })
  const older = await mcpClient(t, { url, token }, 'sdk 1')
  const newer = await mcpClient(t, { url, token }, 'sdk 2, protocol 2026')
  const uri = 'fleetwire://agents/of-models'
  for (const client of [stdio, older, newer]) await client.subscribe([uri])

  // The command ends once this test says so.
  const go = join(folder, 'go')
  const command = {
    ...{ agentId: 'of-models', kind: 'shell', idempotencyKey: 'the-one' },
    input: `until [ -e ${go} ]; do sleep 0.05; done; echo done`,
  }
  const told: string[] = []
  const onprogress = ({ message = '' }) => told.push(message)
  const sending = stdio.call<Outcome>('send_command', { ...command, waitSeconds: 60 }, { onprogress })
  await until(() => told.includes('running'))
  const { data } = await older.call<{ commands: { commandId: string }[] }>('list_commands', { agentId: 'of-models' })
  const { commandId } = data.commands[0]!
  // Some clients notice a cut stream only by their own timeout.
  const wait = (client: McpClient) => client.call('wait_command', { commandId }, { timeout: 3000 })
  let cut: Promise<unknown> | undefined
  await kill(async () => {
    const lost = 'over HTTP the call is lost, the command is not'
    cut = Promise.all([older, newer].map(client => t.rejects(wait(client), lost)))
  })
  // Over stdio, a call made in the meantime waits for the server.
  const listing = stdio.call<{ commands: unknown[] }>('list_commands', { agentId: 'of-models' })
  await writeFile(go, '')
  await cut
  const heard = [stdio, older].map(client => client.updated(uri))
  await restart()

  const done = { isError: false, data: { command: { commandId, status: 'succeeded', output: /^done/ } } }
  t.match(await sending, done, 'over stdio the same call gets the result')
  t.match(await listing, { isError: false, data: { commands: { length: 1 } } })
  await until(() => /does not answer; trying again.*answers again/s.test(stdio.stderr()))
  for (const client of [older, newer]) {
    t.match(await client.call('wait_command', { commandId, waitSeconds: 60 }), done)
    t.match(await client.call('send_command', command), { ...done, text: /used before/ }, 'the same call again')
  }
  // The 2026 protocol cannot resume a stream: the client subscribes again.
  await newer.subscribe([uri])
  heard.push(newer.updated(uri))
  t.match(await newer.call('send_command', { agentId: 'of-models', kind: 'shell', input: 'echo more' }), {
    data: { command: { status: 'succeeded', output: /^more/ } },
  })
  await Promise.all(heard)
}
