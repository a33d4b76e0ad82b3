import '../testing/dom.ts'
import { fireEvent, render, screen, waitFor } from '@testing-library/react'
import { memo } from 'react'
import t, { type Test } from 'tap'
import {
  useAgent,
  useAgentIds,
  useAgentSummary,
  useAgents,
  useCommand,
  useConnection,
  useFleetCounts,
  useFleetwire,
} from '../index.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { agent, agentRecord, ScriptedFleet } from '../testing/scripted-fleet.ts'
import { frame, probe, show } from '../testing/show.tsx'

function fleetOf(agents: Record<string, object>, options: { clock?: FakeClock } = {}) {
  const fleet = new ScriptedFleet(options)
  fleet.records = Object.entries(agents).map(([id, over]) => agentRecord(id, over))
  const change = (id: string, over: object) => fleet.event(`agents.${id}.status`, 'agent:status', agent(id, over))
  return { fleet, client: fleet.client, change }
}

function listOf(t: Test, use: ReturnType<typeof fleetOf>) {
  const renders = new Map<string, number>()
  const count = (id: string) => renders.set(id, (renders.get(id) ?? 0) + 1)
  const Row = memo(({ id }: { id: string }) => {
    const live = useAgent(id)
    count(id)
    return <li>{live.status === 'ready' ? `${id} ${live.data?.work}${live.stale ? ' stale' : ''}` : live.status}</li>
  })
  function Fleet() {
    const index = useAgentIds({ sort: { by: 'agentId' } })
    count('list')
    if (index.status !== 'ready') return <p>{index.status}</p>
    return (
      <ul>
        {index.data.ids.map(id => (
          <Row key={id} id={id} />
        ))}
      </ul>
    )
  }
  show(t, use.client, <Fleet />)
  /** Renders since the last call. */
  return () => {
    const result = Object.fromEntries(renders)
    renders.clear()
    return result
  }
}

const rows = () => screen.queryAllByRole('listitem').map(({ textContent }) => textContent)

t.test('a row wakes only for its own record, once a frame; under StrictMode there is one subscription', async t => {
  const use = fleetOf({ a1: {}, a2: {} })
  const renders = listOf(t, use)
  t.ok(screen.getByText('loading'))
  await screen.findByText('a1 idle')
  t.same(use.fleet.subscribed, ['agents.*.status'])
  t.same([use.fleet.opened, use.fleet.closed], [1, 0])
  renders()
  for (const work of ['starting', 'idle', 'working']) use.change('a1', { work })
  await screen.findByText('a1 working')
  t.same(renders(), { a1: 2 }, 'StrictMode renders twice')
  use.change('a3', {})
  await screen.findByText('a3 idle')
  t.notOk(renders().a2, 'who comes wakes the list, not the rows')
  use.fleet.event('agents.a3.status', 'agent:removed', { agentId: 'a3' })
  await waitFor(() => {
    if (rows().length > 2) throw new Error('a3 is still there')
  })
  t.same(rows(), ['a1 working', 'a2 idle'])
})

t.test(
  'offline and until a new snapshot is whole, the old data stays and is stale; then all changes at once',
  async t => {
    const use = fleetOf({ a1: {}, a2: {} })
    listOf(t, use)
    await screen.findByText('a1 idle')
    use.fleet.canResume = false
    use.fleet.answersSnapshots = false
    use.fleet.cut()
    await screen.findByText('a1 idle stale')
    t.same(rows(), ['a1 idle stale', 'a2 idle stale'])
    use.fleet.reconnect()
    await frame()
    await frame()
    t.equal(use.client.status.value.state, 'online')
    use.fleet.records = [agentRecord('a2', { work: 'working' })]
    use.fleet.snapshot(['agents.*.status'], true)
    await frame()
    t.same(rows(), ['a1 idle stale', 'a2 idle stale'], 'half a snapshot shows nothing')
    use.fleet.records = [agentRecord('a3')]
    use.fleet.snapshot(['agents.*.status'])
    await screen.findByText('a3 idle')
    t.same(rows(), ['a2 working', 'a3 idle'])
  },
)

t.test('a resume makes the data fresh again without another snapshot, and says how much was missed', async t => {
  const use = fleetOf({ a1: {} })
  const hook = probe(t, use.client, () => ({ live: useAgent('a1'), connection: useConnection() }))
  await hook.until(({ live }) => live.status === 'ready')
  t.match(hook.now().connection, { state: 'online', role: 'operator', userId: 'u1' })
  use.fleet.cut()
  await hook.until(({ live }) => live.status === 'ready' && live.stale)
  const { live, connection } = hook.now()
  const { downSince } = connection
  t.ok(downSince)
  t.equal(live.status === 'ready' && live.asOf, downSince, 'it was right until then')
  use.fleet.reconnect()
  await hook.until(value => value.live.status === 'ready' && !value.live.stale)
  t.match(hook.now().connection, { state: 'online', caughtUp: 0, downSince: undefined })
  t.same(use.fleet.subscribed, ['agents.*.status'])
})

t.test('a pattern is kept for 5 s after its last reader, and shows at once to who comes back', async t => {
  const clock = new FakeClock()
  const use = fleetOf({ a1: {} }, { clock })
  const first = probe(t, use.client, () => useAgent('a1'))
  await first.until(live => live.status === 'ready')
  first.unmount()
  clock.advance(4_999)
  const second = probe(t, use.client, () => useAgent('a1'))
  t.equal(second.seen[0]!.status, 'ready')
  second.unmount()
  clock.advance(4_999)
  t.same(use.fleet.unsubscribed, [])
  clock.advance(1)
  await frame()
  t.same(use.fleet.unsubscribed, ['agents.*.status'])
  t.same(use.fleet.subscribed, ['agents.*.status'])
  const third = probe(t, use.client, () => useAgent('a1'))
  t.equal(third.seen[0]!.status, 'loading')
  await third.until(live => live.status === 'ready')
})

t.test('two providers of one client share its store', async t => {
  const use = fleetOf({ a1: {} })
  const one = probe(t, use.client, () => useAgent('a1'))
  const two = probe(t, use.client, () => useAgent('a1'))
  await one.until(live => live.status === 'ready')
  await two.until(live => live.status === 'ready')
  t.same(use.fleet.subscribed, ['agents.*.status'])
})

t.test('select: only a change of that part renders; equal says what a change is', async t => {
  const use = fleetOf({ a1: { detail: 'x', labels: { team: 'red' } } })
  const work = probe(t, use.client, () => useAgent('a1', ({ work }) => work))
  const labels = probe(t, use.client, () =>
    useAgent(
      'a1',
      ({ labels }) => labels,
      (a, b) => a.team === b.team,
    ),
  )
  await work.until(live => live.status === 'ready')
  await labels.until(live => live.status === 'ready')
  const before = [work.seen.length, labels.seen.length]
  use.change('a1', { detail: 'y', labels: { team: 'red' } })
  await frame()
  await frame()
  t.same([work.seen.length, labels.seen.length], before)
  use.change('a1', { work: 'working', labels: { team: 'blue' } })
  await work.until(live => live.status === 'ready' && live.data === 'working')
  await labels.until(live => live.status === 'ready' && live.data?.team === 'blue')
})

t.test("an unknown id is ready without data; 'skip' reads nothing; another id never shows the one before", async t => {
  const use = fleetOf({ a1: {}, a2: {} })
  const skipped = probe(t, use.client, () => useAgent('skip'))
  await frame()
  t.equal(skipped.now().status, 'loading')
  t.same(use.fleet.subscribed, [])
  const hook = probe(t, use.client, () => useAgent('a1'))
  await hook.until(live => live.status === 'ready')
  const { length } = hook.seen
  hook.again(() => useAgent('a2'))
  const names = hook.seen.slice(length).map(live => live.status === 'ready' && live.data?.agentId)
  t.same([...new Set(names)], ['a2'])
  hook.again(() => useAgent('nobody'))
  t.match(hook.now(), { status: 'ready', data: undefined, stale: false })
})

t.test('a refused pattern is an error of its hooks alone', async t => {
  const use = fleetOf({ a1: {} })
  use.fleet.forbidden.add('agents.*.summary')
  const hook = probe(t, use.client, () => [useAgent('a1'), useAgentSummary('a1')] as const)
  await hook.until(([one, other]) => one.status === 'ready' && other.status === 'error')
  t.match(hook.now()[1], { status: 'error', error: { code: 'forbidden', retryable: false } })
})

t.test('the order is computed at most every 250 ms, and only if somebody changed place', async t => {
  const clock = new FakeClock()
  const use = fleetOf({ a1: {}, a2: {} }, { clock })
  const hook = probe(t, use.client, () => useAgentIds())
  const ids = () => {
    const live = hook.now()
    return live.status === 'ready' ? live.data.ids.join(' ') : live.status
  }
  await hook.until(() => ids() === 'a1 a2')
  const { length } = hook.seen
  use.change('a2', { detail: 'nothing that the order reads' })
  await frame()
  use.change('a2', { work: 'working' })
  await frame()
  use.change('a2', { work: 'working', detail: 'again' })
  await frame()
  t.equal(hook.seen.length, length, 'too early')
  clock.advance(250)
  await hook.until(() => ids() === 'a2 a1')
  t.equal(hook.seen.length, length + 2)
})

t.test('a frozen order stays; the moves are counted and applied on demand', async t => {
  const use = fleetOf({ a1: {}, a2: {}, a3: {} })
  function List() {
    const index = useAgentIds({ freeze: true })
    if (index.status !== 'ready') return null
    const { ids, moves, apply } = index.data
    return (
      <button type="button" onClick={apply}>
        {ids.join(' ')} · {moves}
      </button>
    )
  }
  show(t, use.client, <List />)
  await screen.findByText('a1 a2 a3 · 0')
  use.change('a3', { openInteractions: 1 })
  use.change('a4', {})
  await screen.findByText('a1 a2 a3 · 2')
  use.fleet.event('agents.a2.status', 'agent:removed', { agentId: 'a2' })
  await screen.findByText('a1 a3 · 2')
  fireEvent.click(screen.getByRole('button'))
  t.ok(screen.getByText('a3 a1 a4 · 0'))
  use.change('a4', { openInteractions: 1 })
  await screen.findByText('a3 a1 a4 · 1')
})

t.test('counts, summaries and whole lists', async t => {
  const use = fleetOf({ a1: { work: 'working' }, a2: { link: 'late', openInteractions: 2 } })
  const hook = probe(t, use.client, () => ({
    counts: useFleetCounts(),
    agents: useAgents({ where: { work: 'working' } }),
    title: useAgentSummary('a1', ({ current }) => current?.title),
  }))
  await hook.until(({ counts }) => counts.status === 'ready')
  const { counts } = hook.now()
  t.match(counts, { data: { working: 1, idle: 1, late: 1, online: 1, needsYou: 1, total: 2, offline: 0 } })
  const current = { commandId: 'c1', kind: 'shell', title: 'ls', startedAt: 1 }
  const payload = { agentId: 'a1', queued: 0, openInteractions: 0, current }
  use.fleet.event('agents.a1.summary', 'agent:summary', payload)
  await hook.until(({ title }) => title.status === 'ready' && title.data === 'ls')
  use.change('a1', { work: 'working', detail: 'new' })
  await hook.until(({ agents }) => agents.status === 'ready' && agents.data[0]?.detail === 'new')
  t.equal(hook.now().counts, counts, 'nothing was counted anew')
  use.fleet.event('agents.a1.status', 'agent:removed', { agentId: 'a1' })
  await hook.until(({ title }) => title.status === 'ready' && title.data === undefined)
})

t.test('patterns that nobody reads make room for others below the limit of a connection', async t => {
  const use = fleetOf({})
  for (let i = 0; i < 70; i++) {
    const hook = probe(t, use.client, () => useCommand(`c${i}`))
    await hook.until(live => live.status === 'ready')
    hook.unmount()
  }
  await frame()
  t.equal(use.fleet.subscribed.length, 70)
  t.ok(use.fleet.subscribed.length - use.fleet.unsubscribed.length <= 56)
})

t.test('a pattern that was refused for their number is tried again when another ends', async t => {
  const clock = new FakeClock()
  const use = fleetOf({}, { clock })
  const first = probe(t, use.client, () => useCommand('c1'))
  await first.until(live => live.status === 'ready')
  use.fleet.full.add('agents.*.commands.c2')
  const second = probe(t, use.client, () => useCommand('c2'))
  await second.until(live => live.status === 'error' && live.error.code === 'subscription_limit')
  use.fleet.full.clear()
  first.unmount()
  clock.advance(5_000)
  t.match(await second.until(live => live.status === 'ready' && live), { data: undefined })
})

t.test('without a provider the error says what to do', t => {
  const { error } = console
  console.error = () => {}
  t.after(() => {
    console.error = error
  })
  function Alone() {
    useFleetwire()
    return null
  }
  t.throws(() => render(<Alone />), { message: /must be used within a <FleetwireProvider>/ })
  t.end()
})
