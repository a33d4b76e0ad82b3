import '../testing/dom.ts'
import { cleanup, render, screen } from '@testing-library/react'
import { StrictMode } from 'react'
import t from 'tap'
import { FleetwireProvider, useAgent, useAgentIds } from '../index.ts'
import { agent, agentRecord, ScriptedFleet } from '../testing/scripted-fleet.ts'

const renders = new Map<string, number>()

function Row({ id }: { id: string }) {
  const live = useAgent(id)
  renders.set(id, (renders.get(id) ?? 0) + 1)
  return <li>{live.status === 'ready' ? `${live.data?.name} ${live.data?.work}` : live.status}</li>
}

function Fleet() {
  const index = useAgentIds()
  if (index.status !== 'ready') return <p>{index.status}</p>
  return (
    <ul>
      {index.data.ids.map(id => (
        <Row key={id} id={id} />
      ))}
    </ul>
  )
}

t.test('a fleet shows, and a row wakes only for its own agent', async t => {
  const fleet = new ScriptedFleet()
  t.after(() => {
    cleanup()
    fleet.client.close()
  })
  fleet.records = [agentRecord('a1'), agentRecord('a2')]
  render(
    <StrictMode>
      <FleetwireProvider client={fleet.client}>
        <Fleet />
      </FleetwireProvider>
    </StrictMode>,
  )
  t.ok(screen.getByText('loading'))
  await screen.findByText('a1 idle')
  t.same(fleet.subscribed, ['agents.*.status'])
  const before = renders.get('a2')
  fleet.event('agents.a1.status', 'agent:status', agent('a1', { work: 'working' }))
  await screen.findByText('a1 working')
  t.equal(renders.get('a2'), before)
})
