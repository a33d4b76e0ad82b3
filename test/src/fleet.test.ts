import type { Agent, Command, Interaction } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { inProcess } from '../../src/caller.ts'
import { startFleet } from '../helpers/fleet.ts'

type Started = Awaited<ReturnType<typeof startFleet>>

const ann = { ...inProcess, actor: { by: 'ann', via: 'rest' as const } }
const options = [{ id: 'yes', label: 'Yes', effect: 'allow' as const }]

/** An agent that says hello and has a running command, which asks a question. */
async function work(fleet: Started, n: number) {
  const agent = fleet.agent('a1')
  await agent.hello({ bootId: `boot${n}` })
  const { commandId } = await fleet.submit('a1', { runTimeoutMs: 60_000 })
  const { attempt } = await agent.next('command:dispatch', dispatch => dispatch.commandId === commandId)
  agent.report('command:ack', { commandId, attempt })
  const interactionId = `i${n}`
  agent.report('interaction:request', { interactionId, commandId, kind: 'permission', title: '?', options })
  agent.raw('agent:status', { work: 'waiting' })
  await fleet.commandEvent(commandId, 'command:running')
  await fleet.event(
    ({ type, payload }) => type === 'interaction:requested' && (payload as Interaction).interactionId === interactionId,
  )
  return { agent, commandId, attempt, interactionId }
}

async function startedAgain(t: Test, fleet: Started) {
  await fleet.stop()
  t.equal(fleet.timers.pending, 0, 'no timer is left')
  await fleet.start()
}

test('after stops and starts, every event is handled once', async t => {
  const fleet = await startFleet(t)
  const atRest = { timers: fleet.timers.pending, followers: fleet.log.followers }
  for (let n = 0; n < 5; n++) await startedAgain(t, fleet)
  t.same({ timers: fleet.timers.pending, followers: fleet.log.followers }, atRest)

  const from = fleet.events.length
  const { agent, commandId, attempt, interactionId } = await work(fleet, 1)
  await fleet.interactions.respond(interactionId, { optionId: 'yes' }, ann)
  await agent.next('interaction:answer')
  agent.report('interaction:applied', { interactionId })
  agent.report('command:result', { commandId, attempt, status: 'succeeded' })
  await fleet.commandEvent(commandId, 'command:succeeded')
  const frames = agent.sent.map(({ type }) => type)
  for (const type of ['connection:established', 'command:dispatch', 'interaction:answer'] as const)
    t.equal(frames.filter(sent => sent === type).length, 1, type)
  const told = fleet.events.slice(from).map(({ type, payload }) => {
    const { delivery, phase } = payload as { delivery?: string; phase?: string }
    return [type, delivery ?? phase].filter(Boolean).join(' ')
  })
  const of = (noun: string) => told.filter(type => type.startsWith(noun))
  t.same(of('interaction:'), [
    ...['interaction:requested', 'interaction:resolved pending', 'interaction:resolved sent'],
    'interaction:resolved applied',
  ])
  t.same(of('command:').slice(0, 3), ['command:queued', 'command:dispatched', 'command:running working'])
  t.equal(of('command:succeeded').length, 1)
})

test('after a stop under load, the next start continues from the state in the log', async t => {
  const fleet = await startFleet(t)
  const { agent, commandId, attempt } = await work(fleet, 1)
  const waiting = await fleet.submit('a1')
  const wait = fleet.commandQueue.waitForEnd(waiting, 60_000)
  const stopping = fleet.stop()
  t.match(agent.closed, { code: 1012 })
  t.match(await wait, { status: 'queued' }, 'a wait for what can no longer happen ends')
  await stopping
  t.equal(fleet.timers.pending, 0)
  t.equal(fleet.log.followers, 1 + 1 + 1, 'the test itself, the catalogue, the open messages')
  t.same([...fleet.agents.all()], [])

  await fleet.start()
  t.match(fleet.ledger.live(commandId), { status: 'running', phase: 'disconnected' })
  t.match(fleet.agents.get('a1'), { link: 'late', running: [commandId], openInteractions: 1 })
  const again = fleet.agent('a1')
  const { directives } = await again.hello({
    bootId: 'boot1',
    inventory: [{ commandId, attempt, state: 'running' }],
  })
  t.match(directives, [{ commandId, action: 'continue' }])
  again.report('command:result', { commandId, attempt, status: 'succeeded' })
  await again.next('command:dispatch', dispatch => dispatch.commandId === waiting.commandId)
  const ends = fleet.events.filter(
    e => e.type === 'command:succeeded' && (e.payload as Command).commandId === commandId,
  )
  t.equal(ends.length, 1)
})

test('a stopped fleet accepts nothing, writes nothing, and tells agents to reconnect', async t => {
  const fleet = await startFleet(t)
  await fleet.agent('a1').hello()
  await fleet.tasks.create({ taskId: 't1', fields: { title: 'one' } })
  const { commandId } = await fleet.submit('a1')
  await fleet.stop()
  const { head } = fleet.log
  const command = { kind: 'shell', input: 'true' }
  const refusals = await Promise.all([
    fleet.commandQueue.submit({ ...command, agentId: 'a1', createdBy: 'me' }),
    fleet.commandQueue.submit({ ...command, agentId: 'nobody', createdBy: 'me' }),
    fleet.batches.submit({ selector: { ids: ['a1'] }, command }, { ...inProcess, createdBy: 'me' }),
    fleet.commandQueue.interrupt(commandId, inProcess),
    fleet.tasks.edit('t1', { fields: { title: 'two' } }),
  ])
  for (const refusal of refusals) t.match(refusal, { status: 'refused', error: { code: 'unavailable' } })
  t.match(await fleet.removeAgent('a1'), { code: 'unavailable' })
  const late = fleet.agent('a1')
  t.match(late.closed, { code: 1012 })
  late.raw('agent:connect', { bootId: 'b', inventory: [] })
  fleet.clock.advance(3_600_000)
  await new Promise(setImmediate)
  t.same(late.sent, [])
  t.equal(fleet.log.head, head)
  t.match(await fleet.tasks.get('t1'), { title: 'one' }, 'the log can still be read')
})

test('when stops and starts overlap, the last one counts', async t => {
  const fleet = await startFleet(t)
  await fleet.agent('a1').hello()
  for (let i = 0; i < 20; i++) {
    const all = [fleet.stop(), fleet.start(), fleet.stop()]
    if (i % 2 === 0) await Promise.race(all)
    await Promise.all([...all, fleet.stop()])
    t.equal(fleet.timers.pending, 0)
    await Promise.all([fleet.start(), fleet.start()])
    t.match(fleet.agents.get('a1') as Agent, { agentId: 'a1' })
  }
  t.match(await fleet.submit('a1'), { status: 'queued' })
})

test('a start that fails to read the log leaves nothing behind, and a later one succeeds', async t => {
  const fleet = await startFleet(t)
  await fleet.agent('a1').hello()
  await fleet.stop()
  const list = fleet.log.list.bind(fleet.log)
  for (const kind of ['session', 'command', 'interaction', 'agent']) {
    fleet.log.list = query => (query.kind === kind ? Promise.reject(new Error('disk')) : list(query))
    await t.rejects(fleet.start(), { message: 'disk' })
    t.equal(fleet.timers.pending, 0)
    t.equal(fleet.log.followers, 3)
  }
  fleet.log.list = list
  await fleet.start()
  t.match(await fleet.submit('a1'), { status: 'queued' })
})
