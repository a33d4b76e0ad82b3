import t from 'tap'
import { startFleet } from '../../helpers/fleet.ts'

t.test('agents are listed by id, whatever order they arrived in, even after a removal', async t => {
  const fleet = await startFleet(t)
  const ids = (after = '') => [...fleet.agents.sorted(after)].map(agent => agent.agentId)
  for (const id of ['carol', 'alice']) await fleet.agent(id).hello()
  t.strictSame(ids(), ['alice', 'carol'])
  await fleet.agent('bob').hello()
  t.strictSame(ids(), ['alice', 'bob', 'carol'])
  t.strictSame(ids('alice'), ['bob', 'carol'])
  await fleet.agent('bob').hello({ bootId: 'boot2' })
  t.strictSame(ids(), ['alice', 'bob', 'carol'])

  const walk = fleet.agents.sorted('')[Symbol.iterator]()
  t.match(walk.next().value, { agentId: 'alice' })
  await fleet.agents.remove('bob', [])
  t.match(walk.next().value, { agentId: 'carol' }, 'an agent removed during an iteration is left out')
  t.strictSame(ids(), ['alice', 'carol'])
})
