import type { Agent, Command, Interaction } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import type { Answerer } from '../../../src/interactions/interaction-service.ts'
import type { FakeClock } from '../../helpers/fake-clock.ts'
import { startFleet } from '../../helpers/fleet.ts'

const ann: Answerer = { actor: { by: 'ann', via: 'rest' }, canSee: () => true }
const options = [
  { id: 'yes', label: 'Yes', effect: 'allow' as const },
  { id: 'no', label: 'No', effect: 'deny' as const },
]
const ask = { interactionId: 'i1', kind: 'permission' as const, title: 'May I?', options }

/** A fleet with one agent that runs one command and has asked about it. */
async function asking(t: Test, more: { timeoutMs?: number; dir?: string; clock?: FakeClock } = {}) {
  const { timeoutMs, ...where } = more
  const fleet = await startFleet(t, where)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1', { runTimeoutMs: 60_000 })
  const { attempt } = await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt })
  const waits = phase(fleet, commandId, 'waiting_input')
  agent.report('interaction:request', { ...ask, commandId, ...(timeoutMs !== undefined && { timeoutMs }) })
  await waits
  return { fleet, agent, commandId, attempt }
}

type Fleet = Awaited<ReturnType<typeof startFleet>>
/** Resolves with the next event that shows the command in this phase. */
const phase = (fleet: Fleet, commandId: string, wanted: Command['phase']) =>
  fleet.event(e => {
    const command = e.payload as Command
    return e.type.startsWith('command:') && command.commandId === commandId && command.phase === wanted
  }, fleet.events.length)
const interactionEvent = (fleet: Fleet, fits: (interaction: Interaction) => boolean, from = 0) =>
  fleet.event(e => e.type.startsWith('interaction:') && fits(e.payload as Interaction), from)

test('[IN3] [IN9] [IN13] a question is asked, answered, sent and applied, and stops the run clock in the meantime', async t => {
  const { fleet, agent, commandId } = await asking(t)
  await fleet.event(e => e.type === 'agent:status' && (e.payload as Agent).work === 'waiting')
  t.match(fleet.agents.get('a1'), { openInteractions: 1, work: 'waiting' })
  agent.live(fleet.clock, 120_000, [commandId])
  t.match(fleet.ledger.live(commandId), { status: 'running', phase: 'waiting_input' }, 'no run timeout while it waits')

  const works = phase(fleet, commandId, 'working')
  t.match(await fleet.interactions.respond('i1', { optionId: 'yes' }, ann), { status: 'ok', affected: true })
  t.match(await agent.next('interaction:answer'), { interactionId: 'i1', optionId: 'yes' })
  t.match((await works).payload, { waitedMs: 120_000 })
  await interactionEvent(fleet, ({ delivery }) => delivery === 'sent')
  agent.report('interaction:applied', { interactionId: 'i1' })
  await interactionEvent(fleet, ({ delivery }) => delivery === 'applied')
  t.match(fleet.agents.get('a1'), { openInteractions: 0 })
})

test('[IN16] the submitter of a command gets its questions in their inbox, once', async t => {
  const { fleet, agent, commandId } = await asking(t)
  const inbox = () => fleet.events.filter(({ topic }) => topic.startsWith('users.'))
  agent.report('interaction:request', { ...ask, commandId })
  agent.report('interaction:request', { ...ask, interactionId: 'i2', description: 'Why not', commandId })
  agent.report('interaction:request', { ...ask, interactionId: 'i3' })
  await interactionEvent(fleet, ({ interactionId }) => interactionId === 'i3')
  const { createdBy } = fleet.ledger.live(commandId)!
  const at = { agentId: 'a1', commandId }
  t.match(inbox(), [
    {
      ...{ type: 'notification:created', topic: `users.${createdBy}.inbox` },
      payload: { title: 'a1: May I?', message: undefined, data: { interactionId: 'i1', ...at } },
    },
    { payload: { message: 'Why not', data: { interactionId: 'i2', ...at } } },
  ])
  t.equal(inbox().length, 2)
})

test('[IN1] of two simultaneous answers one wins, and the other is told the winner', async t => {
  const { fleet } = await asking(t)
  const bob: Answerer = { ...ann, actor: { by: 'bob', via: 'ws' } }
  const outcomes = await Promise.all([
    fleet.interactions.respond('i1', { optionId: 'yes' }, ann),
    fleet.interactions.respond('i1', { optionId: 'no' }, bob),
  ])
  t.same(outcomes.map(o => o.status).sort(), ['ok', 'refused'])
  const refused = outcomes.find(o => o.status === 'refused')
  t.match(refused, { error: { code: 'conflict', details: { winner: { by: /ann|bob/, optionId: /yes|no/ } } } })
  const winner = (refused as { error: { details: { winner: { optionId: string } } } }).error.details.winner
  t.match(await fleet.interactions.respond('i1', { optionId: winner.optionId }, bob), { status: 'ok', affected: false })
})

test('[IN4] [IN9] an answer given while the agent was away, or not confirmed by it, is sent when it returns', async t => {
  const { fleet, agent, commandId, attempt } = await asking(t)
  agent.cut()
  await fleet.interactions.respond('i1', { optionId: 'no' }, ann)
  const inventory = [{ commandId, attempt, state: 'running' as const }]
  const back = fleet.agent('a1')
  await back.hello({ inventory })
  t.match(await back.next('interaction:answer'), { optionId: 'no' })
  await interactionEvent(fleet, ({ delivery }) => delivery === 'sent')
  back.cut()
  const again = fleet.agent('a1')
  await again.hello({ inventory })
  t.match(await again.next('interaction:answer'), { optionId: 'no' }, 'sent does not mean applied')
  again.report('interaction:applied', { interactionId: 'i1' })
  await interactionEvent(fleet, ({ delivery }) => delivery === 'applied')
})

test('[IN2] when it expires, the agent gets the default answer', async t => {
  const { fleet, agent, commandId } = await asking(t, { timeoutMs: 30_000 })
  agent.live(fleet.clock, 30_000, [commandId])
  t.match(await agent.next('interaction:answer'), { interactionId: 'i1', expired: true, optionId: 'no' })
  t.match(await fleet.interactions.respond('i1', { optionId: 'yes' }, ann), {
    error: { code: 'conflict', details: { state: 'expired' } },
  })
})

test('[IN11] it is cancelled with its command', async t => {
  const { fleet, agent, commandId, attempt } = await asking(t)
  await fleet.commandQueue.interrupt(commandId, { canSee: () => true })
  await agent.next('command:interrupt')
  const cancelled = interactionEvent(fleet, ({ state }) => state === 'cancelled')
  agent.report('command:result', { commandId, attempt, status: 'cancelled' })
  await cancelled
  t.match(await fleet.interactions.respond('i1', { optionId: 'yes' }, ann), { error: { code: 'conflict' } })
})

test('[IN11] a question of a run whose ack is late stays open, and can be answered', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1')
  const { attempt } = await agent.next('command:dispatch')
  const queued = fleet.event(
    ({ type, payload }) => type === 'command:queued' && (payload as Command).reason === 'no_ack',
    fleet.events.length,
  )
  fleet.clock.advance(10_000)
  await queued
  agent.report('interaction:request', { ...ask, commandId })
  await agent.acked(1)
  const waits = phase(fleet, commandId, 'waiting_input')
  agent.report('command:ack', { commandId, attempt })
  await waits
  t.match(await fleet.interactions.respond('i1', { optionId: 'yes' }, ann), { status: 'ok' })
  t.match(await agent.next('interaction:answer'), { interactionId: 'i1', optionId: 'yes' })
})

test('[IN10] [IN11] [IN19] a question of a lost run opens again when the run continues', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1', { onLost: 'requeue' })
  const { attempt } = await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt })
  agent.report('interaction:request', { ...ask, commandId })
  await interactionEvent(fleet, ({ state }) => state === 'open')
  agent.cut()
  const cancelled = interactionEvent(fleet, ({ state }) => state === 'cancelled')
  fleet.clock.advance(300_000)
  await cancelled
  const back = fleet.agent('a1')
  await back.hello({ inventory: [{ commandId, attempt, state: 'running' }] })
  const waits = phase(fleet, commandId, 'waiting_input')
  back.report('interaction:request', { ...ask, commandId }, 3)
  await waits
  await fleet.interactions.respond('i1', { optionId: 'no' }, ann)
  t.match(await back.next('interaction:answer'), { interactionId: 'i1', optionId: 'no' })
})

test('[IN11] [IN13] a question without a command also shows the agent as waiting, and ends with its agent', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  agent.report('interaction:request', ask)
  await fleet.event(e => e.type === 'agent:status' && (e.payload as Agent).work === 'waiting')
  agent.report('agent:exit', { reason: 'crashed' })
  await interactionEvent(fleet, ({ state }) => state === 'cancelled')
  agent.cut()
  const back = fleet.agent('a1')
  await back.hello({ bootId: 'boot2' })
  const from = fleet.events.length
  back.report('interaction:request', ask)
  await interactionEvent(fleet, ({ state }) => state === 'open', from)
})

test('[IN10] asking again leaves an open question unchanged, and resends the answer of a closed one', async t => {
  const { fleet, agent, commandId } = await asking(t)
  agent.report('interaction:request', { ...ask, commandId, title: 'Other words' })
  await agent.acked(3)
  t.match(await fleet.interactions.get('i1', () => true), { title: 'May I?', state: 'open' })
  await fleet.interactions.respond('i1', { optionId: 'yes' }, ann)
  await interactionEvent(fleet, ({ delivery }) => delivery === 'sent')
  agent.report('interaction:request', { ...ask, commandId })
  await agent.until(() => agent.sent.filter(frame => frame.type === 'interaction:answer').length === 2 || undefined)
})

test('[IN12] an invalid question is refused, and its number is used up', async t => {
  const { fleet, agent } = await asking(t)
  agent.report('interaction:request', { ...ask, interactionId: 'i2', commandId: 'nobody' })
  await agent.until(() => agent.errors.find(e => e.code === 'not_found'))
  const other = fleet.agent('a2')
  await other.hello()
  other.report('interaction:request', ask)
  await other.until(() => other.errors.find(e => e.code === 'conflict'))
  other.report('interaction:applied', { interactionId: 'i1' })
  await other.until(() => other.errors.find(e => e.code === 'not_found'))
  await other.acked(2)
})

test('[IN5] a question may be answered at the agent’s own terminal', async t => {
  const { fleet, agent, commandId } = await asking(t)
  const works = phase(fleet, commandId, 'working')
  agent.report('interaction:resolved', { interactionId: 'i1', optionId: 'yes' })
  await works
  t.match(await fleet.interactions.respond('i1', { optionId: 'no' }, ann), {
    error: { code: 'conflict', details: { winner: { by: 'a1', via: 'agent', optionId: 'yes' } } },
  })
  t.notOk(
    agent.sent.some(frame => frame.type === 'interaction:answer'),
    'it knows the answer',
  )
})

test('[IN6] [IN9] a server that died after the answer delivers it after its restart, and the command continues', async t => {
  const dir = t.testdir()
  const { fleet, agent, commandId, attempt } = await asking(t, { dir })
  agent.cut()
  await fleet.interactions.respond('i1', { optionId: 'yes' }, ann)
  await fleet.end()
  const after = await startFleet(t, { dir, clock: fleet.clock })
  t.match(await after.interactions.get('i1', () => true), { state: 'resolved', delivery: 'pending' })
  const back = after.agent('a1')
  const works = phase(after, commandId, 'working')
  await back.hello({ inventory: [{ commandId, attempt, state: 'running' }] })
  t.match(await back.next('interaction:answer'), { interactionId: 'i1', optionId: 'yes' })
  await works
})

test('[IN2] a question expires even while the server is down', async t => {
  const dir = t.testdir()
  const { fleet, agent, commandId, attempt } = await asking(t, { dir, timeoutMs: 1000 })
  agent.cut()
  await fleet.end()
  fleet.clock.advance(5000)
  const after = await startFleet(t, { dir, clock: fleet.clock })
  const back = after.agent('a1')
  await back.hello({ inventory: [{ commandId, attempt, state: 'running' }] })
  after.clock.advance(0)
  t.match(await back.next('interaction:answer'), { expired: true, optionId: 'no' })
})

test('[IN15] an answer that was not applied is no longer sent once its command has ended', async t => {
  const { fleet, agent, commandId, attempt } = await asking(t)
  await fleet.interactions.respond('i1', { optionId: 'yes' }, ann)
  await interactionEvent(fleet, ({ delivery }) => delivery === 'sent')
  agent.report('command:result', { commandId, attempt, status: 'succeeded' })
  await agent.acked(3)
  agent.cut()
  const back = fleet.agent('a1')
  await back.hello()
  back.report('interaction:applied', { interactionId: 'i1' })
  await interactionEvent(fleet, ({ delivery }) => delivery === 'applied')
  t.notOk(back.sent.some(frame => frame.type === 'interaction:answer'))
})

test('[IN3] [CD10] a wait that the log could not accept is dropped once the answer is there', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1')
  await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt: 1 })
  await fleet.commandEvent(commandId, 'command:running')
  // Its interaction id is the command id of the other agent: deadlines must not be told apart by this name alone.
  const namesake = fleet.agent('wait')
  await namesake.hello()
  namesake.report('interaction:request', { ...ask, interactionId: commandId, timeoutMs: 5000 })
  await interactionEvent(fleet, ({ agentId }) => agentId === 'wait')

  fleet.log.refuses = drafts => drafts.some(({ type }) => type === 'command:progress')
  agent.report('interaction:request', { ...ask, commandId })
  await interactionEvent(fleet, ({ interactionId }) => interactionId === 'i1')
  await new Promise(setImmediate)
  t.equal(fleet.log.refused, 1)
  fleet.log.refuses = () => false
  t.match(await fleet.interactions.respond('i1', { optionId: 'yes' }, ann), { status: 'ok' })
  await interactionEvent(fleet, ({ interactionId, delivery }) => interactionId === 'i1' && delivery === 'sent')
  const from = fleet.events.length
  fleet.clock.advance(1000)
  agent.report('command:progress', { commandId, attempt: 1, message: 'on my way' })
  const { payload } = await fleet.event(e => (e.payload as Command).progress?.message === 'on my way', from)
  t.match(payload, { phase: 'working', waitingSince: undefined })
  fleet.clock.advance(4000)
  await interactionEvent(fleet, ({ agentId, state }) => agentId === 'wait' && state === 'expired')
})

test('[LV5] a jump of the wall clock does not move the deadline of an open interaction, even while the fleet is stopped', async t => {
  const dirs = t.testdir({ ahead: {}, back: {} })
  for (const [dir, days] of [
    ['ahead', 40],
    ['back', -40],
  ] as const) {
    const fleet = await startFleet(t, { dir: `${dirs}/${dir}` })
    const agent = fleet.agent('a1')
    await agent.hello()
    agent.report('interaction:request', { ...ask, timeoutMs: 60_000 })
    await interactionEvent(fleet, ({ state }) => state === 'open')
    await fleet.stop()
    fleet.clock.jump(days * 86_400_000)
    fleet.clock.advance(20_000)
    await fleet.start()
    fleet.clock.jump(days * 86_400_000)
    fleet.clock.advance(39_000)
    await new Promise(setImmediate)
    t.match(await fleet.interactions.get('i1', () => true), { state: 'open' }, dir)
    fleet.clock.advance(1000)
    await interactionEvent(fleet, ({ state }) => state === 'expired')
    await fleet.end()
  }
})

test('[IN3] a command waits as long as a question is open, whatever else changes it in the meantime', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1')
  const { attempt } = await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt })
  const append = fleet.log.append.bind(fleet.log)
  /**
   * Holds back the next change of the command to this phase. Resolves, once it is under way, with the function that
   * releases it.
   */
  const held = (wanted: Command['phase']) =>
    new Promise<() => void>(onItsWay => {
      fleet.log.append = async drafts => {
        if ((drafts[0]?.payload as Command | null)?.phase !== wanted || !drafts[0]?.type.startsWith('command:'))
          return append(drafts)
        fleet.log.append = append
        await new Promise<void>(resolve => onItsWay(resolve))
        return append(drafts)
      }
    })
  const progressed = async (message: string) => {
    agent.report('command:progress', { commandId, attempt, message })
    await fleet.event(e => (e.payload as Command).progress?.message === message)
  }

  const waiting = held('waiting_input')
  agent.report('interaction:request', { ...ask, commandId })
  const goOn = await waiting
  await progressed('one')
  await fleet.interactions.respond('i1', { optionId: 'yes' }, ann)
  await interactionEvent(fleet, ({ delivery }) => delivery === 'sent')
  const works = phase(fleet, commandId, 'working')
  goOn()
  await works
  t.match(fleet.ledger.live(commandId), { phase: 'working', waitingSince: undefined }, 'no question is open any more')

  const waits = phase(fleet, commandId, 'waiting_input')
  agent.report('interaction:request', { ...ask, commandId, interactionId: 'i2' })
  await waits
  const resuming = held('working')
  await fleet.interactions.respond('i2', { optionId: 'yes' }, ann)
  const resume = await resuming
  await progressed('two')
  const from = fleet.events.length
  agent.report('interaction:request', { ...ask, commandId, interactionId: 'i3' })
  await interactionEvent(fleet, ({ interactionId, state }) => interactionId === 'i3' && state === 'open', from)
  const waitsAgain = phase(fleet, commandId, 'waiting_input')
  resume()
  await waitsAgain
  t.match(fleet.ledger.live(commandId), { phase: 'waiting_input' }, 'a question is open again')
})
