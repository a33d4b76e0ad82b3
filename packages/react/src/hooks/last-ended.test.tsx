import '../testing/dom.ts'
import { cleanup, render, screen } from '@testing-library/react'
import t from 'tap'
import { FleetwireProvider, useLastEnded } from '../index.ts'
import { ScriptedFleet } from '../testing/scripted-fleet.ts'

const summary = (agentId: string, endedAt: number, more = {}) => ({
  ...{ agentId, queued: 0, openInteractions: 0, ...more },
  last: { commandId: `c${endedAt}`, kind: 'shell', title: 'make', status: 'failed', endedAt },
})

t.test('the last ends of all agents, newest first, told when one ends', async t => {
  const fleet = new ScriptedFleet()
  t.after(() => {
    cleanup()
    fleet.client.close()
  })
  fleet.records = ['a1', 'a2'].map((id, i) => ({
    ...{ topic: `agents.${id}.summary`, type: 'agent:summary', payload: summary(id, 10 + i) },
  }))
  let renders = 0
  function Ends() {
    const live = useLastEnded()
    renders++
    return <p>{live.status === 'ready' ? live.data.map(({ agentId, last }) => agentId + last.endedAt).join() : '…'}</p>
  }
  render(
    <FleetwireProvider client={fleet.client}>
      <Ends />
    </FleetwireProvider>,
  )
  await screen.findByText('a211,a110')
  const before = renders
  fleet.event('agents.a1.summary', 'agent:summary', summary('a1', 10, { lastLine: 'a new line' }))
  fleet.event('agents.a1.summary', 'agent:summary', summary('a1', 12))
  await screen.findByText('a112,a211')
  t.equal(renders, before + 1, 'another line is no end')
})
