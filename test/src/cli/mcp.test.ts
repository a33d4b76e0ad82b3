import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { test } from 'tap'
import { SECRET, startApp } from '../../helpers/build.ts'
import { emptyFolder, startForCli } from '../../helpers/cli.ts'
import { mcpClient } from '../../helpers/mcp-client.ts'
import { freePort } from '../../helpers/processes.ts'

interface Sent {
  command: { createdBy: string; status: string; exitCode?: number; output?: string }
}

const server = await startForCli(t)
await server.agent('a1')
/** Whoever can read this secret has the rights of an operator. */
const withSecret = { FLEETWIRE_URL: server.url, FLEETWIRE_JWT_SECRET: SECRET }

test('[MC1] clients of either protocol follow a command to its end over stdio, with a token or the server’s secret', async t => {
  const withToken = { FLEETWIRE_URL: server.url, FLEETWIRE_TOKEN: server.admin }
  const ways = [
    ['sdk 1', withToken, 'admin'],
    ['sdk 2, protocol 2026', withSecret, 'local-mcp'],
  ] as const
  for (const [generation, env, createdBy] of ways) {
    const client = await mcpClient(t, { env, cwd: await emptyFolder(t) }, generation)
    const { tools } = await client.raw.listTools()
    t.ok(tools.every(tool => tool.inputSchema.type === 'object' && tool.outputSchema?.type === 'object'))
    t.same(
      tools.filter(tool => tool.annotations?.readOnlyHint === false).map(tool => tool.name),
      ['send_command', 'interrupt', 'answer_request'],
    )
    const told: string[] = []
    const { data, text, isError } = await client.call<Sent>(
      'send_command',
      { agentId: 'a1', kind: 'shell', input: 'printf one; sleep 0.3; exit 3', waitSeconds: 20 },
      { onprogress: ({ message }) => told.push(message ?? '') },
    )
    t.equal(isError, false, `${generation}: a failed command is no error of the tool`)
    t.match(data.command, { createdBy, status: 'failed', exitCode: 3, output: 'one' })
    t.match(text, /^cmd_\S+ failed \(exit code 3\): shell on a1: printf one/)
    t.ok(told.includes('running'), told.join())

    const uri = 'fleetwire://agents/a1'
    const updated = client.updated(uri)
    await client.subscribe([uri])
    await client.call('send_command', { agentId: 'a1', kind: 'shell', input: 'true' })
    await updated
    const { contents } = await client.raw.readResource({ uri })
    t.match(JSON.parse((contents[0] as { text: string }).text), {
      agent: { agentId: 'a1' },
      commands: [{ title: 'true' }],
    })
    const many = Array.from({ length: 33 }, (_, i) => `fleetwire://agents/a${i + 1}`)
    if (generation.endsWith('2026')) await t.rejects(client.subscribe(many), /At most 32/)
    await client.close()
  }
})

test('a server that is not up yet and a refused token are reported', async t => {
  const cwd = await emptyFolder(t)
  const port = await freePort()
  const env = { FLEETWIRE_URL: `http://127.0.0.1:${port}`, FLEETWIRE_TOKEN: 'not.a.token' }
  const client = await mcpClient(t, { env, cwd })
  t.ok((await client.raw.listTools()).tools.length > 10, 'the handshake needs no server')
  const stop = new AbortController()
  const waiting = client.call('fleet_summary', {}, { signal: stop.signal })
  stop.abort()
  await t.rejects(waiting, 'an unanswered call can be cancelled')
  await client.raw.ping()

  await startApp(t, { port })
  const { isError, text } = await client.call('fleet_summary')
  t.ok(isError)
  t.match(text, /^unauthorized: .*\n.*FLEETWIRE_TOKEN/)
})

test('without any token the command says so and ends', async t => {
  const { code, stdout, stderr } = await server.run(['mcp'], { FLEETWIRE_TOKEN: '' })
  t.match({ code, stdout }, { code: 4, stdout: '' })
  t.match(stderr, /Set FLEETWIRE_TOKEN/)
})

test('[MC11] stdout holds only the protocol, whatever comes in; --read-only changes nothing; the end of stdin ends it', async t => {
  const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'mcp', '--read-only'], {
    cwd: await emptyFolder(t),
    env: { PATH: process.env.PATH, ...withSecret },
  })
  t.teardown(() => child.kill('SIGKILL'))
  let stdout = ''
  child.stdout.on('data', chunk => (stdout += chunk))
  const say = (message: unknown) =>
    child.stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`)
  say('this is no JSON')
  say('{"jsonrpc":"1.0"}')
  child.stdin.write(Buffer.from([0xff, 0xfe, 0x0a]))
  const clientInfo = { name: 'raw', version: '1' }
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo }
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\r\n`)
  say({ jsonrpc: '2.0', method: 'notifications/initialized' })
  say({ jsonrpc: '2.0', id: 2, method: 'no/such/method' })
  say({ jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 'list_agents', arguments: {} } })
  say({ jsonrpc: '2.0', id: 4, method: 'tools/list' })
  const sending = { name: 'send_command', arguments: { agentId: 'a1', kind: 'shell', input: 'true' } }
  say({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: sending })
  const ids = [1, 2, 3, 4, 5]
  while (!ids.every(id => stdout.includes(`"id":${id}`)) || !stdout.endsWith('\n')) await once(child.stdout, 'data')
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  t.ok(answers.every(answer => answer.jsonrpc === '2.0'))
  t.match(answers.find(answer => answer.id === 1).result, {
    protocolVersion: '2025-06-18',
    serverInfo: { name: 'fleetwire' },
  })
  t.match(answers.find(answer => answer.id === 2).error, { code: -32601 })
  t.match(answers.find(answer => answer.id === 3).result.structuredContent, { agents: [{ agentId: 'a1' }] })
  const names = answers.find(answer => answer.id === 4).result.tools.map((tool: { name: string }) => tool.name)
  t.notOk(names.includes('send_command'))
  t.ok(names.includes('read_output'))
  t.match(answers.find(answer => answer.id === 5).error, { message: /not found/ })
  child.stdin.end()
  const [code, signal] = await once(child, 'exit')
  t.same([code, signal], [0, null])
})
