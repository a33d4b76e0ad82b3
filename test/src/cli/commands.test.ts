import type { Agent, Command, MintedToken } from '@fleetwire/protocol'
import { test } from 'tap'
import { startForCli } from '../../helpers/cli.ts'
import { until } from '../../helpers/until.ts'

test('token prints a valid token, and with --json its id and expiry', async t => {
  const { run, app } = await startForCli(t)
  const plain = await run(['token', '--role', 'operator', '--sub', 'ann', '--ttl', '1h', '--agents', 'build-*,test-1'])
  t.match(plain, { code: 0, stderr: '' })
  t.match(await app.verifyToken(plain.stdout.trim()), {
    principal: { sub: 'ann', role: 'operator', agents: ['build-*', 'test-1'] },
  })
  const json = await run(['token', '--role', 'viewer', '--json'])
  const minted = JSON.parse(json.stdout) as MintedToken
  t.match(await app.verifyToken(minted.token), { principal: { sub: 'viewer' } })
  t.ok(Math.abs(minted.expiresAt - Date.now() - 30 * 86_400_000) < 60_000, 'valid for 30 days by default')
})

test('ps shows each agent on a line, and with --json as an object', async t => {
  const { run, agent } = await startForCli(t)
  t.match(await run(['ps']), { code: 0, stdout: '', stderr: /No agents yet/ })
  t.match(await run(['ps', '--json']), { code: 0, stdout: '', stderr: '' })
  await agent('a1')
  await agent('a2')
  const table = await run(['ps'])
  t.match(table, { code: 0, stderr: '' })
  const [head, ...rows] = table.stdout.trim().split('\n')
  t.match(head, /^AGENT +LINK +WORK +RUNNING +LAST SEEN/)
  t.match(rows[0], /^a1 +online +idle +- +\d+ s ago/)
  t.equal(rows.length, 2)
  const json = await run(['ps', '--json', '--status', 'online'])
  const agents = json.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Agent)
  t.match(agents, [{ agentId: 'a1', link: 'online' }, { agentId: 'a2' }])
  t.match(await run(['ps', '--json', '--status', 'offline']), { code: 0, stdout: '' })
})

/** More than one page. */
const AGENTS = 550

test('ps shows hundreds of agents, each on one line whatever their fields contain', async t => {
  const config = { DATA_DIR: t.testdir() }
  const earlier = await startForCli(t, config)
  const detail = 'real\r\n\u001b]52;c;ZXZpbA==\u0007\u001b[2Aforged\u009b2J\u202e'
  const first = await earlier.agent('first')
  first.report('agent:status', { work: 'idle', detail })
  const record = await until(async () => {
    const { payload } = (await earlier.log.get('agents.first.status')) ?? {}
    return (payload as Agent | undefined)?.detail === detail && (payload as Agent)
  })
  // The next start treats them as previously connected; really connecting them would take a hundred times as long.
  const drafts = Array.from({ length: AGENTS }, (_, i) => {
    const payload: Agent = { ...record, agentId: `a${i}`, name: `a${i}`, link: 'offline', work: 'stopped' }
    return { type: 'agent:status', topic: `agents.a${i}.status`, record: 'set', payload } as const
  })
  t.match(await earlier.log.append(drafts), { status: 'ok' })
  await first.stop()
  await earlier.app.close()
  const { run, agent } = await startForCli(t, config)
  const live = await agent('live')
  live.report('agent:status', { work: 'idle', detail })
  await until(async () => (await run(['ps', '--status', 'online'])).stdout.includes('forged'))
  const { code, stdout } = await run(['ps'])
  t.equal(code, 0)
  const [head, ...rows] = stdout.trim().split('\n')
  t.equal(rows.length, AGENTS + 2)
  t.equal(new Set(rows.map(row => row.search(/ (online|offline) /))).size, 1, 'columns are aligned')
  t.match(head, /^AGENT/)
  for (const row of rows) if (!/^(first .*|(a\d+|live) .* {2}real {2}forged)$/.test(row)) t.fail(row)
})

test('interrupt stops a command, says what it did, and is idempotent', async t => {
  const { run, agent, inStatus } = await startForCli(t)
  await agent('a1')
  const running = inStatus('a1', 'running')
  const commandId = (await run(['send', 'a1', 'sleep 600'])).stdout.trim()
  await running
  const cancelled = inStatus('a1', 'cancelled')
  t.match(await run(['interrupt', commandId, '--reason', 'enough']), {
    code: 0,
    stdout: `${commandId}: interrupting, it is running\n`,
  })
  await cancelled
  t.match(await run(['interrupt', commandId]), { code: 0, stdout: `${commandId}: nothing to do, it is cancelled\n` })
  const { stdout } = await run(['interrupt', commandId, '--json'])
  t.same(JSON.parse(stdout), { commandId, affected: false, status: 'cancelled' })
  t.match(await run(['interrupt', 'nope']), { code: 1, stderr: 'fleetwire: There is no command "nope". (404)\n' })
})

test('send prints the id of the command, and with --json the command', async t => {
  const { run, call, admin, agent } = await startForCli(t)
  await agent('a1')
  const { code, stdout } = await run(['send', 'a1', 'echo', 'a  b', '--priority', '3', '--timeout', '90s'])
  t.equal(code, 0)
  t.match(await call<Command>(admin, 'GET', `/api/v1/commands/${stdout.trim()}`), {
    body: { input: 'echo a  b', kind: 'shell', priority: 3, runTimeoutMs: 90_000 },
  })
  const json = JSON.parse((await run(['send', 'a1', 'true', '--json'])).stdout)
  t.match(json, { agentId: 'a1', input: 'true', status: 'queued' })
  t.match(await run(['send', 'nobody', 'true']), {
    code: 1,
    stdout: '',
    stderr: /no agent "nobody".*404.*never connected.*fleetwire ps/,
  })
})
