import '../testing/dom.ts'
import { cleanup, render, screen } from '@testing-library/react'
import t from 'tap'
import { FleetwireProvider, useAgentFacets, useAgentIds } from '../index.ts'
import { agent, agentRecord, ScriptedFleet } from '../testing/scripted-fleet.ts'

function fleetOf(t: { after(fn: () => void): void }, ...records: ReturnType<typeof agentRecord>[]) {
  const fleet = new ScriptedFleet()
  t.after(() => {
    cleanup()
    fleet.client.close()
  })
  fleet.records = records
  return fleet
}

t.test('labels and kinds of the fleet; what agents do renders nothing', async t => {
  const fleet = fleetOf(
    t,
    agentRecord('a1', { labels: { team: 'web' }, capabilities: { kinds: ['shell'] } }),
    agentRecord('a2', { labels: { team: 'core', env: 'prod' }, capabilities: { kinds: ['shell', 'prompt'] } }),
  )
  let renders = 0
  function Facets() {
    const live = useAgentFacets()
    renders++
    return <p>{live.status === 'ready' ? JSON.stringify([[...live.data.labels], live.data.kinds]) : '…'}</p>
  }
  render(
    <FleetwireProvider client={fleet.client}>
      <Facets />
    </FleetwireProvider>,
  )
  const kinds = '["prompt","shell"]'
  await screen.findByText(`[[["env",["prod"]],["team",["core","web"]]],${kinds}]`)
  const before = renders
  fleet.event('agents.a1.status', 'agent:status', agent('a1', { labels: { team: 'web' }, work: 'working' }))
  fleet.event('agents.a3.status', 'agent:status', agent('a3', { labels: { team: 'ops' } }))
  await screen.findByText(`[[["env",["prod"]],["team",["core","ops","web"]]],${kinds}]`)
  t.equal(renders, before + 1)
})

t.test('a failure that nobody has seen moves nothing while the order is frozen', async t => {
  const fleet = fleetOf(t, agentRecord('a1'), agentRecord('a2'))
  function Order({ failed }: { failed: string[] }) {
    const live = useAgentIds({ unseenFailures: failed, freeze: true })
    return <p>{live.status === 'ready' ? `${live.data.ids} ${live.data.moves}` : '…'}</p>
  }
  const page = (failed: string[]) => (
    <FleetwireProvider client={fleet.client}>
      <Order failed={failed} />
    </FleetwireProvider>
  )
  const { rerender } = render(page([]))
  await screen.findByText('a1,a2 0')
  rerender(page(['a2']))
  await screen.findByText('a1,a2 1')
})
