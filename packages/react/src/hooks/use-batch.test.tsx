import '../testing/dom.ts'
import { cleanup, render, screen } from '@testing-library/react'
import { StrictMode } from 'react'
import t from 'tap'
import { FleetwireProvider, useBatch } from '../index.ts'
import { command, ScriptedFleet } from '../testing/scripted-fleet.ts'

const batch = (statuses: Record<string, string>, over = {}) => ({
  ...{ parentId: 'b1', createdBy: 'u1', createdAt: 1, selector: { labels: { team: 'web' } }, kind: 'shell' },
  ...{ total: 2, refused: [], status: 'running', counts: {}, ...over },
  commands: Object.entries(statuses).map(([commandId, status]) => ({ commandId, agentId: `of-${commandId}`, status })),
})

function Progress() {
  const live = useBatch('b1')
  if (live.status !== 'ready') return <p>{live.status === 'error' ? live.error.code : live.status}</p>
  const { status, commands, counts, stopReason = '' } = live.data
  const shown = commands.map(one => one.status).join()
  return <p>{`${status} ${shown} ${counts.succeeded} ${stopReason}${live.stale ? 'stale' : ''}`.trim()}</p>
}

function show(t: { after(fn: () => void): void }, fleet: ScriptedFleet) {
  t.after(() => {
    cleanup()
    fleet.client.close()
  })
  render(
    <StrictMode>
      <FleetwireProvider client={fleet.client}>
        <Progress />
      </FleetwireProvider>
    </StrictMode>,
  )
}

t.test('a batch is read once and follows its commands to the end', async t => {
  const fleet = new ScriptedFleet()
  let now = batch({ c1: 'running', c2: 'queued' })
  fleet.respond = () => ({ body: now })
  show(t, fleet)
  await screen.findByText('running running,queued 0')
  t.same(fleet.fetched, ['/batches/b1'])
  const event = (commandId: string, status: string, over = {}) =>
    fleet.event(`agents.of-${commandId}.commands.${commandId}`, `command:${status}`, {
      ...command(commandId, { status, parentId: 'b1', ...over }),
    })
  event('c1', 'succeeded')
  event('c9', 'running', { parentId: 'another' })
  await screen.findByText('running succeeded,queued 1')
  now = batch({ c1: 'succeeded', c2: 'cancelled' }, { status: 'ended', stopReason: 'requested' })
  event('c2', 'cancelled', { reason: 'batch_stopped' })
  await screen.findByText('ended succeeded,cancelled 1 requested')
})

t.test('an end that comes while the batch is read is not lost', async t => {
  const fleet = new ScriptedFleet()
  fleet.respond = () => {
    fleet.event('agents.of-c1.commands.c1', 'command:succeeded', command('c1', { status: 'succeeded', parentId: 'b1' }))
    return { body: batch({ c1: 'running', c2: 'queued' }) }
  }
  show(t, fleet)
  await screen.findByText('running succeeded,queued 1')
})

t.test('what happened without a connection is read when it is back', async t => {
  const fleet = new ScriptedFleet()
  fleet.respond = () => ({ body: batch({ c1: 'running', c2: 'queued' }) })
  show(t, fleet)
  await screen.findByText('running running,queued 0')
  fleet.canResume = false
  fleet.respond = () => ({ body: batch({ c1: 'failed', c2: 'succeeded' }, { status: 'ended' }) })
  fleet.cut()
  await screen.findByText('running running,queued 0 stale')
  await screen.findByText('ended failed,succeeded 1', {}, { timeout: 10_000 })
})

t.test('one that is not there says so', async t => {
  const fleet = new ScriptedFleet()
  fleet.respond = () => ({ status: 404, body: { code: 'not_found', message: 'no batch', statusCode: 404, error: '' } })
  show(t, fleet)
  await screen.findByText('not_found')
})
