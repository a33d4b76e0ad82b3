import type { Session } from '@fleetwire/protocol'
import t from 'tap'
import { removeAgent } from '../../../src/agents/remove-agent.ts'
import type { FleetEvent } from '../../../src/log/event-log.ts'
import { startFleet } from '../../helpers/fleet.ts'

const of = { sessionId: 's1' }
const message = { ...of, messageId: 'm' }
const typingOf = ({ payload }: FleetEvent) => (payload as Session).typing

t.test('[SE8] typing ends by itself, with a message, and with the socket', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const typed = (typing: boolean) => {
    const from = fleet.events.length
    return fleet.event(e => e.type.startsWith('session:') && typingOf(e) === typing, from)
  }
  let next = typed(true)
  agent.raw('session:typing', { ...of, typing: true })
  await next
  next = typed(false)
  fleet.clock.advance(6_000)
  t.equal((await next).type, 'session:typing')

  next = typed(true)
  agent.raw('session:typing', of)
  await next
  next = typed(false)
  agent.report('message:start', { ...message, text: 'Hi' })
  agent.report('message:end', message)
  t.match(await next, { type: 'session:activity', payload: { lastMessage: 'Hi' } })

  next = typed(true)
  agent.raw('session:typing', of)
  await next
  next = typed(false)
  agent.cut()
  t.equal((await next).type, 'session:typing')
})

t.test('[SE4] [SE13] the server’s copy of the state changes before events are published', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  agent.report('state:patch', { ...of, patch: [{ op: 'add', path: '/files', value: [] }] })
  agent.report('state:patch', { ...of, patch: [{ op: 'add', path: '/files/-', value: 'a' }] })
  agent.report('state:patch', {
    ...of,
    patch: [
      { op: 'add', path: '/files/-', value: 'b' },
      { op: 'remove', path: '/none' },
    ],
  })
  agent.report('state:snapshot', { ...of, snapshot: 'x'.repeat(300_000) })
  await agent.acked(4)
  t.match(agent.errors, [{ code: 'patch_failed', message: /patch\[1\]/ }, { code: 'too_large' }])
  const { records } = await fleet.openMessages.snapshot(['agents.a1.>'])
  t.match(
    records.filter(({ type }) => type === 'state:snapshot'),
    [{ topic: 'agents.a1.sessions.s1.messages', payload: { agentId: 'a1', ...of, snapshot: { files: ['a'] } } }],
  )
  t.equal(fleet.events.filter(({ type }) => type === 'state:patch').length, 2, 'failed changes are published to nobody')
  t.same((await fleet.openMessages.snapshot(['agents.a2.>'])).records, [])
  agent.report('session:end', of)
  await agent.acked(5)
  t.same((await fleet.openMessages.snapshot(['agents.*.sessions.*.messages'])).records, [])
})

t.test('[SE10] [SE11] what an agent left open is ended when it returns with another boot id', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  agent.report('message:delta', { ...message, delta: 'half an ans' })
  agent.report('tool:start', { ...of, toolCallId: 't', name: 'ls' })
  agent.report('tool:end', { ...of, toolCallId: 'unknown' })
  agent.report('message:end', { ...of, messageId: 'unknown' })
  await agent.acked(4)
  t.match(agent.errors, [{ code: 'not_found' }, { code: 'not_found' }])
  agent.cut()
  const same = fleet.agent('a1')
  await same.hello()
  t.notOk(
    fleet.events.some(({ type }) => type === 'message:end'),
    'the same boot continues',
  )
  await fleet.agent('a1').hello({ bootId: 'boot2' })
  t.match(
    fleet.events.find(({ type }) => type === 'message:end'),
    { payload: { messageId: 'm', incomplete: true } },
  )
  t.match(
    fleet.events.find(({ type }) => type === 'tool:end'),
    { payload: { toolCallId: 't', error: { code: 'abandoned' } } },
  )
})

t.test('[SE11] what an agent left open is ended when it exits or is removed', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  agent.report('message:start', message)
  agent.report('agent:exit', { reason: 'stopped' })
  await agent.acked(2)
  agent.cut()
  t.match(
    fleet.events.filter(({ type }) => type === 'message:end'),
    [{ payload: { incomplete: true } }],
  )
  t.equal(await removeAgent('a1', fleet.agents, fleet.ledger, fleet.sessions), undefined)
  t.match(await fleet.sessions.get('s1'), { status: 'ended' })
})

t.test('[SE12] an agent that ends nothing is refused more open items, but nothing else', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  for (let i = 0; i < 300; i++) agent.report('message:start', { ...of, messageId: `m${i}` })
  await agent.acked(300)
  t.equal(agent.errors.filter(({ code }) => code === 'too_large').length, 44)
  const piece = 'x'.repeat(200_000)
  for (let i = 0; i < 50; i++) agent.report('message:delta', { ...of, messageId: 'm0', delta: piece })
  await agent.acked(350)
  t.equal(agent.errors.length, 44 + 9)
  agent.report('message:end', { ...of, messageId: 'm0' })
  agent.report('message:start', { ...of, messageId: 'next' })
  await agent.acked(352)
  t.equal(agent.errors.length, 53)
})

t.test('[SE16] a session without activity is removed with its state, even if nobody ended it', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  agent.report('state:snapshot', { ...of, snapshot: { a: 1 } })
  agent.report('state:snapshot', { sessionId: 's2', snapshot: { a: 1 } })
  await agent.acked(2)
  agent.cut()
  const kept = async () => (await fleet.log.list({ kind: 'session', limit: 10 })).records.map(({ topic }) => topic)
  const states = async () =>
    (await fleet.openMessages.snapshot(['agents.a1.>'])).records.filter(({ type }) => type.startsWith('state:'))
  t.equal((await states()).length, 2)
  fleet.clock.advance(2 * 86_400_000)
  while ((await kept()).length > 0);
  t.same(await states(), [])
})
