import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { emptyFolder, startForCli } from '../../helpers/cli.ts'
import { mcpClient } from '../../helpers/mcp-client.ts'
import { freePort } from '../../helpers/processes.ts'

interface Sent {
  command: { commandId: string; status: string; exitCode?: number; output?: string }
}

test('[MC1] clients of either protocol see a command through over stdio', async t => {
  const server = await startForCli(t)
  await server.agent('a1')
  const env = { FLEETWIRE_URL: server.url, FLEETWIRE_TOKEN: server.admin }
  for (const generation of ['sdk 1', 'sdk 2, protocol 2026'] as const) {
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
    t.equal(isError, false, `${generation}: a command that fails is no failure of the tool`)
    t.match(data.command, { status: 'failed', exitCode: 3, output: 'one' })
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

test('a server that is not there yet, a token that is refused', async t => {
  const cwd = await emptyFolder(t)
  const port = await freePort()
  const env = { FLEETWIRE_URL: `http://127.0.0.1:${port}`, FLEETWIRE_TOKEN: 'not.a.token' }
  const client = await mcpClient(t, { env, cwd })
  t.ok((await client.raw.listTools()).tools.length > 10, 'the handshake needs no server')
  const stop = new AbortController()
  const waiting = client.call('fleet_summary', {}, { signal: stop.signal })
  stop.abort()
  await t.rejects(waiting, 'a call that nothing answers can be cancelled')
  await client.raw.ping()

  const server = await startForCli(t)
  const refused = await mcpClient(t, { env: { ...env, FLEETWIRE_URL: server.url }, cwd })
  const { isError, text } = await refused.call('fleet_summary')
  t.ok(isError)
  t.match(text, /^unauthorized: .*\n.*FLEETWIRE_TOKEN/)
})

test('without any token it says so to a person and ends', async t => {
  const { code, stdout, stderr } = await (await startForCli(t)).run(['mcp'], { FLEETWIRE_TOKEN: '' })
  t.match({ code, stdout }, { code: 4, stdout: '' })
  t.match(stderr, /Set FLEETWIRE_TOKEN/)
})

test('with the secret of the server it is an operator, not an admin; --read-only a viewer', async t => {
  const secret = 'a-secret-for-tests-that-is-long-enough'
  const server = await startForCli(t, { JWT_SECRET: secret })
  await server.agent('a1')
  const env = { FLEETWIRE_URL: server.url, FLEETWIRE_JWT_SECRET: secret }
  const cwd = await emptyFolder(t)
  const operator = await mcpClient(t, { env, cwd })
  const sent = await operator.call<Sent & { command: { createdBy: string } }>('send_command', {
    agentId: 'a1',
    kind: 'shell',
    input: 'true',
  })
  t.match(sent.data.command, { status: 'succeeded', createdBy: 'local-mcp' })
  const reader = await mcpClient(t, { env, cwd, args: ['--read-only'] })
  const names = (await reader.raw.listTools()).tools.map(tool => tool.name)
  t.notOk(names.includes('send_command'))
  t.ok(names.includes('read_output'))
  await t.rejects(reader.call('send_command', { agentId: 'a1', kind: 'shell', input: 'true' }), /not found/)
})

test('[MC11] stdout holds the protocol alone, whatever comes in; the end of stdin ends it', async t => {
  const server = await startForCli(t)
  const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'mcp'], {
    cwd: await emptyFolder(t),
    env: { PATH: process.env.PATH, FLEETWIRE_URL: server.url, FLEETWIRE_TOKEN: server.admin },
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
  while (!stdout.includes('"id":3')) await once(child.stdout, 'data')
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
  t.match(answers.find(answer => answer.id === 3).result.structuredContent, { agents: [] })
  child.stdin.end()
  const [code, signal] = await once(child, 'exit')
  t.same([code, signal], [0, null])
})
