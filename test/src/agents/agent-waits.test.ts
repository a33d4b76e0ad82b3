import type { Agent, Command } from '@fleetwire/protocol'
import t from 'tap'
import { startFleet } from '../../helpers/fleet.ts'

const detail = 'cat waits for input'

t.test('[CS27] an agent reports which of its commands waits, and when it continues', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello({ maxConcurrency: 2 })
  const [one, two] = [await fleet.submit('a1'), await fleet.submit('a1')]
  for (const { commandId } of [one, two]) {
    await agent.next('command:dispatch', dispatch => dispatch.commandId === commandId)
    agent.report('command:ack', { commandId, attempt: 1 })
    await fleet.commandEvent(commandId, 'command:running')
  }
  const works = (work: Agent['work'], from: number) =>
    fleet.event(e => e.type === 'agent:status' && (e.payload as Agent).work === work, from)

  agent.report('agent:status', { work: 'waiting', detail, evidence: 'inferred', commandId: one.commandId })
  const told = await fleet.commandEvent(one.commandId, 'command:progress')
  t.match(told, { status: 'running', phase: 'waiting_input', detail, evidence: 'inferred', waitingSince: undefined })
  t.match(fleet.ledger.live(two.commandId), { phase: 'working', detail: undefined })
  t.match(fleet.agents.get('a1'), { work: 'working', detail: '' }, 'the other command is working')

  const before = fleet.events.length
  agent.report('agent:status', { work: 'waiting', detail: 'vi', evidence: 'inferred', commandId: two.commandId })
  t.match((await works('waiting', before)).payload, { work: 'waiting', evidence: 'inferred', detail: /cat|vi/ })

  const between = fleet.events.length
  agent.report('agent:status', { work: 'working', commandId: one.commandId })
  agent.report('agent:status', { work: 'working', commandId: two.commandId })
  await works('working', between)
  await fleet.event(e => (e.payload as Command).phase === 'working' && e.topic.endsWith(two.commandId), between)
  t.match(fleet.ledger.live(one.commandId), { phase: 'working', detail: undefined, evidence: undefined })

  const n = fleet.events.length
  agent.report('agent:status', { work: 'waiting', detail: 'Which branch?' })
  await fleet.event(e => (e.payload as Command).phase === 'waiting_input' && e.topic.endsWith(two.commandId), n)
  for (const { commandId } of [one, two])
    t.match(
      fleet.ledger.live(commandId),
      { phase: 'waiting_input', evidence: 'reported', waitingSince: Number },
      'all of them',
    )

  agent.report('agent:status', { work: 'waiting', commandId: 'cmd_none' })
  t.match(await agent.until(() => agent.errors.find(e => e.code === 'not_found')), { message: /cmd_none/ })
})

t.test(
  '[CS28] the run timeout ends a command whose wait was only inferred, not one whose wait was reported',
  async t => {
    for (const evidence of ['inferred', 'reported'] as const) {
      const fleet = await startFleet(t, { dir: t.testdir({ [evidence]: {} }) })
      const agent = fleet.agent('a1')
      await agent.hello()
      const { commandId } = await fleet.submit('a1', { runTimeoutMs: 60_000 })
      await agent.next('command:dispatch')
      agent.report('command:ack', { commandId, attempt: 1 })
      await fleet.commandEvent(commandId, 'command:running')
      agent.report('agent:status', { work: 'waiting', detail, evidence, commandId })
      await fleet.commandEvent(commandId, 'command:progress')
      agent.live(fleet.clock, 70_000, [commandId])
      if (evidence === 'inferred') {
        await agent.next('command:interrupt', interrupt => interrupt.commandId === commandId)
        t.match(await fleet.commandEvent(commandId, 'command:cancelling'), { evidence: undefined, detail: undefined })
      } else t.match(fleet.ledger.live(commandId), { phase: 'waiting_input' }, 'it still waits')
    }
  },
)

t.test('[CQ14] a command without a run timeout gets the default of its agent', async t => {
  const fleet = await startFleet(t)
  await fleet.agent('a1').hello({ capabilities: { runTimeoutMs: 90_000 } })
  t.equal((await fleet.submit('a1')).runTimeoutMs, 90_000)
  t.equal((await fleet.submit('a1', { runTimeoutMs: 5000 })).runTimeoutMs, 5000)
  t.equal((await fleet.submit('a1', { runTimeoutMs: 0 })).runTimeoutMs, 0, 'explicitly no limit')
})
