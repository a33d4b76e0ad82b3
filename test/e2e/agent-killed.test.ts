import { DashboardClient } from '@fleetwire/client/node'
import { type Agent, type Command, topics } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { fleetwire } from '../helpers/processes.ts'

const HEARTBEAT_MS = 300
/** Far more than the agent needs to go offline, even on a busy machine. */
const LEASE_MS = 6000

/** A server, and an exec agent in its own process. */
async function start(t: Test) {
  const server = await startApp(t, { config: { AGENT_HEARTBEAT_MS: HEARTBEAT_MS, LEASE_MS } })
  const agent = fleetwire(t, ['agent', 'exec', '--id', 'a1', '--journal', t.testdir()], {
    FLEETWIRE_URL: server.url,
    FLEETWIRE_TOKEN: await server.token('agent', { sub: 'a1' }),
  })
  await agent.printed(/is connected/)
  const operator = await server.token('operator')
  const submit = async (input: string) =>
    (await server.call<Command>(operator, 'POST', '/api/v1/agents/a1/commands', { kind: 'shell', input })).body
  return { ...server, agent, operator, submit }
}

/** What a dashboard sees, in order; `until` resolves with the first match. */
function watch(t: Test, url: string, token: string) {
  const dashboard = new DashboardClient({ url, token })
  t.teardown(() => dashboard.close())
  const seen: (Agent | Command)[] = []
  const looks = new Set<() => void>()
  dashboard.subscribe([topics.agentStatus('a1'), 'agents.a1.commands.*'], {
    event: ({ payload }) => {
      seen.push(payload as Agent | Command)
      for (const look of looks) look()
    },
  })
  dashboard.connect()
  const until = <T extends Agent | Command>(fits: (record: T) => boolean): Promise<T> =>
    new Promise(resolve => {
      const look = () => {
        const found = (seen as T[]).find(fits)
        if (found === undefined) return
        looks.delete(look)
        resolve(found)
      }
      looks.add(look)
      look()
    })
  return { seen, until }
}

test('an agent killed with -9 is late, then offline on a dashboard; its command is disconnected until its lease ends', async t => {
  const { url, agent, operator, submit } = await start(t)
  const view = watch(t, url, operator)
  const { commandId } = await submit('sleep 600')
  await view.until<Command>(c => c.commandId === commandId && c.status === 'running')
  await agent.kill('SIGKILL')
  await view.until<Agent>(a => a.link === 'late')
  const cutOff = await view.until<Command>(c => c.commandId === commandId && c.phase === 'disconnected')
  t.match(cutOff, { status: 'running' }, 'not failed')
  // On a busy machine the agent may have been offline before it had the command.
  const offline = await view.until<Agent>(a => a.link === 'offline' && a.running.includes(commandId))
  t.match(offline, { status: 'offline', running: [commandId] })
  const lost = await view.until<Command>(c => c.commandId === commandId && c.status === 'lost')
  t.match(lost, { reason: 'lease_expired' })
  t.ok(lost.endedAt! - lost.lastSeenAt! >= LEASE_MS * 0.8, 'the command kept its lease')
  const order = view.seen.map(record => ('link' in record ? record.link : record.status))
  t.ok(order.indexOf('offline') < order.indexOf('lost'), 'the agent is offline before its command is lost')
})

test('an interrupted command ends as cancelled, as confirmed by its agent, and the next in the queue runs', async t => {
  const { url, operator, submit, call } = await start(t)
  const view = watch(t, url, operator)
  const first = await submit("trap 'exit 9' INT; sleep 600 & wait")
  const second = await submit('echo next')
  await view.until<Command>(c => c.commandId === first.commandId && c.status === 'running')
  const interrupt = () => call(operator, 'POST', `/api/v1/commands/${first.commandId}/interrupt`)
  t.match(await interrupt(), { status: 200, body: { affected: true } })
  t.match(await interrupt(), { status: 200, body: { affected: false } })
  t.match(await view.until<Command>(c => c.commandId === first.commandId && c.status === 'cancelled'), {
    confirmed: true,
  })
  const done = await view.until<Command>(c => c.commandId === second.commandId && c.status === 'succeeded')
  t.match(done, { exitCode: 0, output: 'next\n' })
})
