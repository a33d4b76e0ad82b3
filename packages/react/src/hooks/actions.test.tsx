import '../testing/dom.ts'
import { act } from '@testing-library/react'
import t from 'tap'
import { useAction, useEvents, useFleetwire, useMetric, useMetricKeys, useNow } from '../index.ts'
import { ScriptedFleet } from '../testing/scripted-fleet.ts'
import { frame, probe } from '../testing/show.tsx'

t.test('an action is pending until its answer, and keeps the error of the last one', async t => {
  const fleet = new ScriptedFleet()
  const hook = probe(t, fleet.client, () => {
    const client = useFleetwire()
    return useAction((commandId: string) => client.interrupt(commandId))
  })
  t.match(hook.now(), { pending: false, error: undefined })
  const { run } = hook.now()
  let answer!: ReturnType<typeof run>
  await act(async () => {
    answer = run('c1')
  })
  t.equal(hook.now().pending, true)
  const sent = await hook.until(() => fleet.sent.find(({ type }) => type === 'command:interrupt'))
  const error = { code: 'not_found', message: 'no such command', retryable: false }
  fleet.say({ type: 'reply', id: sent.id, payload: { ok: false, error } })
  t.match(await answer, { ok: false, error })
  await hook.until(({ pending }) => !pending)
  t.match(hook.now().error, error)
  fleet.answers = { 'command:interrupt': { ok: true, affected: true, status: 'running' } }
  t.match(await run('c2'), { ok: true, affected: true })
  await hook.until(({ pending, error }) => !pending && error === undefined)
  t.equal(hook.now().run, run, 'it is the same function, for dependencies')
})

t.test(
  'events go to the latest handler, without rendering; the subscription is one and asks for no snapshot',
  async t => {
    const fleet = new ScriptedFleet()
    const heard: string[] = []
    const use = (name: string) => () =>
      useEvents(['agents.*.log', 'tasks.>'], ({ type }) => heard.push(`${name} ${type}`))
    const hook = probe(t, fleet.client, use('first'))
    await hook.until(() => fleet.subscribed.length > 0)
    fleet.event('agents.a1.log', 'agent:lifecycle', { agentId: 'a1', lifecycle: 'started' })
    const { length } = hook.seen
    hook.again(use('second'))
    fleet.event('tasks.t1.events', 'custom:x', {})
    t.same(heard, ['first agent:lifecycle', 'second custom:x'])
    t.ok(hook.seen.length <= length + 2)
    t.same(fleet.subscribed, ['agents.*.log', 'tasks.>'])
    t.match(fleet.sent.find(({ type }) => type === 'subscribe')?.payload, { snapshot: false })
    hook.unmount()
    await frame()
    t.same(fleet.unsubscribed, ['agents.*.log', 'tasks.>'])
  },
)

t.test('what was before is read when every event from there on comes, and again after a gap', async t => {
  const fleet = new ScriptedFleet()
  let reads = 0
  const hook = probe(t, fleet.client, () =>
    useEvents(
      'tasks.>',
      () => {},
      () => void reads++,
    ),
  )
  await hook.until(() => reads === 1)
  t.same(fleet.subscribed, ['tasks.>'])
  fleet.canResume = false
  fleet.cut()
  fleet.reconnect()
  await hook.until(() => reads === 2)
})

t.test('a pattern that the server refuses comes back as an error', async t => {
  const fleet = new ScriptedFleet()
  fleet.forbidden.add('system.audit')
  const hook = probe(t, fleet.client, () => useEvents('system.audit', () => {}))
  t.match(await hook.until(error => error), { code: 'forbidden' })
  hook.again(() => useEvents('agents.>', () => {}))
  await hook.until(error => error === undefined)
})

t.test('metrics: the latest points of each, oldest first', async t => {
  const fleet = new ScriptedFleet()
  fleet.records = [{ topic: 'agents.a1.metrics', type: 'agent:metrics', payload: { agentId: 'a1', cpu: 0 } }]
  const hook = probe(t, fleet.client, () => ({ cpu: useMetric('a1', 'cpu', 3), keys: useMetricKeys('a1') }))
  await hook.until(({ cpu }) => cpu.length === 1)
  for (const cpu of [1, 2, 3]) fleet.event('agents.a1.metrics', 'agent:metrics', { agentId: 'a1', cpu })
  await hook.until(({ cpu }) => cpu.join() === '1,2,3')
  fleet.event('agents.a1.metrics', 'agent:metrics', { agentId: 'a1', memoryBytes: 5 })
  await hook.until(({ keys }) => keys.join() === 'cpu,memoryBytes')
})

t.test('the time is told once a second to all, and stands still while the page is hidden', async t => {
  const fleet = new ScriptedFleet()
  let hidden = false
  Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true })
  const one = probe(t, fleet.client, useNow)
  const two = probe(t, fleet.client, useNow)
  const start = one.now()
  await one.until(now => now > start)
  t.equal(two.now(), one.now())
  hidden = true
  document.dispatchEvent(new Event('visibilitychange'))
  const still = one.now()
  await new Promise(resolve => setTimeout(resolve, 1_200))
  t.equal(one.now(), still)
  hidden = false
  await act(async () => void document.dispatchEvent(new Event('visibilitychange')))
  t.ok(one.now() > still, 'at once when it is seen again')
})
