import '../testing/dom.ts'
import t, { type Test } from 'tap'
import { type Live, useSession, useSessionIds, useSessionRecord, useTranscriptItem } from '../index.ts'
import { ScriptedFleet } from '../testing/scripted-fleet.ts'
import { frame, probe } from '../testing/show.tsx'

const topic = 'agents.a1.sessions.s1.messages'
const of = { agentId: 'a1', sessionId: 's1' }
const session = (over: object = {}) => ({
  ...{ ...of, title: 'Talk', status: 'active', startedAt: 1, lastActivityAt: 1, lastMessage: '', typing: false },
  ...over,
})
const record = (over: object = {}) => ({
  topic: 'agents.a1.sessions.s1.status',
  type: 'session:started',
  payload: session(over),
})
const open = (messageId: string, text: string) => ({
  topic,
  type: 'message:start',
  payload: { ...of, messageId, role: 'assistant', text },
})

type Logged = { type: string; topic: string; cursor: string; at: number; payload: object }

/** A log of messages, each a start and an end, which REST pages backwards. */
function logOf(fleet: ScriptedFleet, count: number, size: number) {
  const log: Logged[] = []
  const add = (type: string, payload: object) =>
    log.push({ type, topic, cursor: `l${log.length}`, at: log.length, payload })
  for (let i = 0; i < count; i++) {
    add('message:start', { ...of, messageId: `m${i}`, role: 'user', text: `${i}` })
    add('message:end', { ...of, messageId: `m${i}` })
  }
  fleet.respond = path => {
    const before = new URL(path, 'http://x').searchParams.get('before')
    const end = before === null ? log.length : Number(before.slice(1))
    const items = log.slice(Math.max(end - size, 0), end).toReversed()
    return { body: { items, nextCursor: end - size > 0 ? items.at(-1)!.cursor : null, cursor: 'l0' } }
  }
  return log
}

function talk(t: Test, fleet: ScriptedFleet) {
  const hook = probe(t, fleet.client, () => useSession('s1'))
  const view = () => {
    const live: Live<{ itemIds: readonly string[] }> = hook.now()
    return live.status === 'ready' ? live.data.itemIds.join(' ') : live.status
  }
  const item = (id: string) => probe(t, fleet.client, () => useTranscriptItem('s1', id))
  return { hook, view, item }
}

t.test('one who comes late sees the answer so far with the history before it, and the rest as it comes', async t => {
  const fleet = new ScriptedFleet()
  logOf(fleet, 2, 500)
  fleet.records = [record({ typing: true }), open('m9', 'Hel')]
  const { hook, view, item } = talk(t, fleet)
  await hook.until(() => view() === 'm0 m1 m9' || view() === 'm9 m0 m1')
  t.equal(hook.seen.filter(live => live.status === 'ready' && live.data.itemIds.length === 1).length, 0)
  t.match(hook.now(), { data: { session: { title: 'Talk', typing: true }, hasOlder: false } })
  t.same(fleet.fetched, [`/events?topics=${topic}&limit=500`])
  const answer = item('m9')
  t.match(answer.now(), { text: 'Hel', state: 'open' })
  const { length } = hook.seen
  for (const delta of ['lo', ', ', 'world']) fleet.event(topic, 'message:delta', { ...of, messageId: 'm9', delta })
  await answer.until(one => one?.kind === 'message' && one.text === 'Hello, world')
  fleet.event(topic, 'message:end', { ...of, messageId: 'm9' })
  await answer.until(one => one?.state === 'ended')
  t.equal(hook.seen.length, length, 'the list of items did not render')
  fleet.event(topic, 'tool:start', { ...of, toolCallId: 'x1', name: 'grep' })
  await hook.until(() => view().endsWith(' x1'))
  fleet.event('agents.a1.sessions.s1.status', 'session:typing', session({ typing: false }))
  await hook.until(live => live.status === 'ready' && live.data.session?.typing === false)
})

t.test('state follows its patches', async t => {
  const fleet = new ScriptedFleet()
  logOf(fleet, 0, 500)
  fleet.records = [record(), { topic, type: 'state:snapshot', payload: { ...of, snapshot: { steps: ['one'] } } }]
  const { hook } = talk(t, fleet)
  await hook.until(live => live.status === 'ready')
  t.match(hook.now(), { data: { state: { steps: ['one'] } } })
  const patch = [{ op: 'add', path: '/steps/-', value: 'two' }]
  fleet.event(topic, 'state:patch', { ...of, patch })
  await hook.until(live => live.status === 'ready' && (live.data.state as { steps: string[] }).steps.length === 2)
})

t.test('older items come on demand, at least twenty at a time', async t => {
  const fleet = new ScriptedFleet()
  logOf(fleet, 50, 15)
  fleet.records = [record()]
  const { hook, view } = talk(t, fleet)
  await hook.until(live => live.status === 'ready')
  const shown = () => view().split(' ').length
  t.ok(shown() >= 20 && shown() < 30, `${shown()}`)
  const live = hook.now()
  if (live.status !== 'ready') throw new Error('not ready')
  const fetched = fleet.fetched.length
  await Promise.all([live.data.loadOlder(), live.data.loadOlder()])
  t.ok(fleet.fetched.length <= fetched + 3, 'two calls are one')
  await hook.until(() => shown() >= 40)
  await live.data.loadOlder()
  await hook.until(now => now.status === 'ready' && !now.data.hasOlder)
  t.equal(view(), Array.from({ length: 50 }, (_, i) => `m${i}`).join(' '))
})

t.test('when events were missed, the old conversation stays until the new one is here with what was said', async t => {
  const fleet = new ScriptedFleet()
  const log = logOf(fleet, 1, 500)
  fleet.records = [record(), open('m9', 'Hel')]
  const { hook, view, item } = talk(t, fleet)
  await hook.until(live => live.status === 'ready')
  const answer = item('m9')
  const before = view()
  fleet.canResume = false
  fleet.cut()
  await hook.until(live => live.status === 'ready' && live.stale)
  t.equal(view(), before)
  log.push({
    type: 'message:start',
    topic,
    cursor: 'l2',
    at: 2,
    payload: { ...of, messageId: 'm9', role: 'assistant' },
  })
  log.push({ type: 'message:end', topic, cursor: 'l3', at: 3, payload: { ...of, messageId: 'm9', text: 'Hello' } })
  log.push({ type: 'message:start', topic, cursor: 'l4', at: 4, payload: { ...of, messageId: 'm10', role: 'user' } })
  fleet.records = [record({ title: 'Later' }), open('m10', '')]
  fleet.reconnect()
  await hook.until(live => live.status === 'ready' && !live.stale && view() === 'm0 m9 m10')
  t.match(answer.now(), { text: 'Hello', state: 'ended' })
  t.match(hook.now(), { data: { session: { title: 'Later' } } })
})

t.test('history that does not come leaves what is live; it can be loaded later', async t => {
  const fleet = new ScriptedFleet()
  fleet.respond = () => ({ status: 503 })
  fleet.records = [record(), open('m9', 'Hel')]
  const { hook, view } = talk(t, fleet)
  await hook.until(() => view() === 'm9')
  t.match(hook.now(), { data: { hasOlder: true } })
  logOf(fleet, 1, 500)
  const live = hook.now()
  if (live.status === 'ready') await live.data.loadOlder()
  await hook.until(() => view() === 'm9 m0')
})

t.test('a session that is not there is ready without a record, and asks for no history', async t => {
  const fleet = new ScriptedFleet()
  const { hook } = talk(t, fleet)
  await hook.until(live => live.status === 'ready')
  t.match(hook.now(), { data: { session: undefined, itemIds: [], hasOlder: false } })
  t.same(fleet.fetched, [])
})

t.test('the sessions of an agent, and one of them for a row, without its conversation', async t => {
  const fleet = new ScriptedFleet()
  fleet.records = [record()]
  const hook = probe(t, fleet.client, () => ({
    ids: useSessionIds({ agentId: 'a1' }),
    title: useSessionRecord('s1', ({ title }) => title),
  }))
  await hook.until(({ ids, title }) => ids.status === 'ready' && title.status === 'ready' && title.data === 'Talk')
  await frame()
  t.match(hook.now(), { ids: { data: ['s1'] } })
  t.notOk(fleet.subscribed.some(pattern => pattern.endsWith('>')))
})
