import '../testing/dom.ts'
import t from 'tap'
import {
  type Live,
  useCommand,
  useCommandIds,
  useCommandPage,
  useInteraction,
  useInteractionIds,
  useTaskPage,
} from '../index.ts'
import { command, commandRecord, ScriptedFleet } from '../testing/scripted-fleet.ts'
import { frame, probe } from '../testing/show.tsx'

const data = <T,>(live: Live<T>): T | undefined => (live.status === 'ready' ? live.data : undefined)
const idsOf = (live: Live<readonly string[]>) => data(live)?.join(' ')

/** A history of commands c1, c2 …, which REST returns in pages of `size`, newest first. */
function historyOf(count: number, size: number) {
  const all = Array.from({ length: count }, (_, i) => command(`c${i + 1}`, { createdAt: i + 1, status: 'succeeded' }))
  return {
    all,
    respond: (path: string) => {
      const from = Number(new URL(path, 'http://x').searchParams.get('cursor') ?? 0)
      const newest = all.toReversed()
      const next = from + size < all.length ? `${from + size}` : null
      return { body: { items: newest.slice(from, from + size), nextCursor: next } }
    },
  }
}

t.test('live commands and those of history are one list, loaded page by page', async t => {
  const fleet = new ScriptedFleet()
  const { respond } = historyOf(5, 2)
  fleet.respond = respond
  fleet.records = [commandRecord('c9', { createdAt: 9 })]
  const hook = probe(t, fleet.client, () => ({ page: useCommandPage() }))
  await hook.until(({ page }) => idsOf(page.ids) === 'c9 c5 c4' && !page.isLoading)
  t.equal(hook.now().page.hasMore, true)
  const row = probe(t, fleet.client, () => useCommand('c4'))
  t.match(data(row.now()), { commandId: 'c4', status: 'succeeded' }, 'rows find what the pages brought')
  const { loadMore } = hook.now().page
  await Promise.all([loadMore(), loadMore()])
  await hook.until(({ page }) => idsOf(page.ids) === 'c9 c5 c4 c3 c2')
  await hook.now().page.loadMore()
  await hook.until(({ page }) => idsOf(page.ids) === 'c9 c5 c4 c3 c2 c1')
  t.equal(hook.now().page.hasMore, false)
  t.same(fleet.fetched, ['/commands?limit=100', '/commands?limit=100&cursor=2', '/commands?limit=100&cursor=4'])
  fleet.event('agents.a1.commands.c9', 'command:succeeded', command('c9', { createdAt: 9, status: 'succeeded' }))
  fleet.event('agents.a1.commands.c10', 'command:queued', command('c10', { createdAt: 10, status: 'queued' }))
  await hook.until(({ page }) => idsOf(page.ids) === 'c10 c9 c5 c4 c3 c2 c1')
})

t.test('a list that is not empty never looks as if it were, from the first rendering on', async t => {
  const fleet = new ScriptedFleet()
  fleet.respond = historyOf(1, 5).respond
  const hook = probe(t, fleet.client, useCommandPage)
  await hook.until(page => !page.hasMore)
  t.equal(idsOf(hook.now().ids), 'c1')
  t.notOk(hook.seen.some(({ ids, hasMore, isLoading }) => data(ids)?.length === 0 && !(hasMore && isLoading)))
})

t.test('the filter goes with the request and holds for live ones too', async t => {
  const fleet = new ScriptedFleet()
  fleet.respond = () => ({ body: { items: [], nextCursor: null } })
  fleet.records = [
    commandRecord('c1'),
    commandRecord('c2', { agentId: 'a2' }),
    commandRecord('c3', { status: 'queued' }),
  ]
  const hook = probe(t, fleet.client, () => ({
    commands: useCommandPage({ agentId: 'a1', status: ['running', 'failed'] }),
    tasks: useTaskPage({ status: 'failed', parentTaskId: null }),
  }))
  await hook.until(({ commands, tasks }) => idsOf(commands.ids) === 'c1' && !commands.isLoading && !tasks.isLoading)
  t.same(fleet.fetched, ['/commands?agentId=a1&status=running%2Cfailed&limit=100', '/tasks?status=failed&limit=100'])
  t.ok(fleet.subscribed.includes('agents.a1.commands.*'))
})

t.test('a page that fails says why, keeps what is there and can be tried again', async t => {
  const fleet = new ScriptedFleet()
  const body = { statusCode: 503, code: 'unavailable', error: 'Service Unavailable', message: 'The disk is full.' }
  fleet.respond = () => ({ status: 503, body })
  fleet.records = [commandRecord('c1')]
  const hook = probe(t, fleet.client, useCommandPage)
  await hook.until(page => page.error !== undefined && !page.isLoading)
  t.match(hook.now().error, { code: 'unavailable', message: 'The disk is full.', retryable: true })
  t.equal(idsOf(hook.now().ids), 'c1')
  fleet.respond = historyOf(1, 5).respond
  await hook.now().loadMore()
  await hook.until(page => !page.hasMore && page.error === undefined)
})

t.test('what ended while events were missed is in the list after the new snapshot', async t => {
  const fleet = new ScriptedFleet()
  const history = historyOf(3, 2)
  fleet.respond = history.respond
  fleet.records = [commandRecord('c4', { createdAt: 4 })]
  const hook = probe(t, fleet.client, useCommandPage)
  await hook.until(page => idsOf(page.ids) === 'c4 c3 c2')
  const one = probe(t, fleet.client, () => useCommand('c4'))
  fleet.canResume = false
  fleet.cut()
  for (const id of [4, 5, 6, 7]) history.all.push(command(`c${id}`, { createdAt: id, status: 'succeeded' }))
  fleet.records = [commandRecord('c4', { createdAt: 4, status: 'succeeded' })]
  fleet.reconnect()
  await hook.until(page => idsOf(page.ids) === 'c7 c6 c5 c4 c3 c2')
  await one.until(live => data(live)?.status === 'succeeded')
  t.notOk(
    one.seen.some(live => live.status === 'ready' && live.data === undefined),
    'it never vanished',
  )
})

t.test('what ended between the reading of the first page and the snapshot is shown as ended', async t => {
  const fleet = new ScriptedFleet()
  const running = command('c1', { createdAt: 1 })
  const ended = command('c1', { createdAt: 1, status: 'succeeded' })
  // The first page shows the state at the time of its request, which is before the snapshot.
  fleet.respond = () => ({ body: { items: [fleet.subscribed.length === 0 ? running : ended], nextCursor: null } })
  fleet.records = []
  const hook = probe(t, fleet.client, useCommandPage)
  await hook.until(page => idsOf(page.ids) === 'c1' && !page.isLoading)
  const row = probe(t, fleet.client, () => useCommand('c1'))
  t.equal(data(row.now())?.status, 'succeeded')
})

t.test('a page that was read while a new snapshot came is read again', async t => {
  const fleet = new ScriptedFleet()
  const history = [command('c1', { createdAt: 1 })]
  let answer: (() => void) | undefined
  const slow = { body: { items: [...history], nextCursor: null } }
  const later = new Promise<void>(resolve => {
    answer = resolve
  })
  fleet.respond = () => ({ body: { items: [], nextCursor: null } })
  fleet.records = []
  const hook = probe(t, fleet.client, useCommandPage)
  await hook.until(page => !page.isLoading)
  const { fetch } = globalThis
  globalThis.fetch = async () => {
    globalThis.fetch = fetch
    await later
    return new Response(JSON.stringify(slow.body))
  }
  fleet.canResume = false
  fleet.cut()
  fleet.reconnect()
  await hook.until(page => page.isLoading)
  const ended = command('c1', { createdAt: 1, status: 'failed' })
  fleet.respond = () => ({ body: { items: [ended], nextCursor: null } })
  // A record that marks the arrival of the second snapshot.
  fleet.records = [commandRecord('c2', { createdAt: 2 })]
  fleet.cut()
  fleet.reconnect()
  await hook.until(page => idsOf(page.ids) === 'c2')
  answer?.()
  await hook.until(page => idsOf(page.ids) === 'c2 c1' && !page.isLoading)
  const row = probe(t, fleet.client, () => useCommand('c1'))
  t.equal(data(row.now())?.status, 'failed')
})

t.test('what ended while events were missed is read again when its page has failed', async t => {
  const fleet = new ScriptedFleet()
  const { respond } = historyOf(2, 5)
  fleet.respond = () => ({ body: { items: [], nextCursor: null } })
  const hook = probe(t, fleet.client, useCommandPage)
  await hook.until(page => !page.isLoading)
  fleet.respond = () => ({ status: 503 })
  fleet.canResume = false
  fleet.cut()
  fleet.reconnect()
  await hook.until(page => page.error !== undefined && !page.isLoading)
  fleet.respond = respond
  await hook.now().loadMore()
  await hook.until(page => idsOf(page.ids) === 'c2 c1')
})

t.test('a command that no list has comes by its own pattern, ended or not', async t => {
  const fleet = new ScriptedFleet()
  fleet.records = [commandRecord('c1', { status: 'failed' })]
  const hook = probe(t, fleet.client, () => useCommand('c1'))
  await hook.until(live => data(live)?.status === 'failed')
  t.same(fleet.subscribed, ['agents.*.commands.c1'])
})

t.test('a row reads its command where the list has it', async t => {
  const fleet = new ScriptedFleet()
  fleet.records = [commandRecord('c1')]
  const list = probe(t, fleet.client, () => useCommandIds())
  await list.until(live => idsOf(live) === 'c1')
  const row = probe(t, fleet.client, () => useCommand('c1', ({ status }) => status))
  t.match(row.seen[0], { status: 'ready', data: 'running' })
  t.same(fleet.subscribed, ['agents.*.commands.*'])
  t.match(fleet.sent.find(({ type }) => type === 'subscribe')?.payload, { snapshot: 'active' })
})

t.test('a list keeps 500 settled records, and those that somebody looks at', async t => {
  const fleet = new ScriptedFleet()
  fleet.records = [commandRecord('c0')]
  const list = probe(t, fleet.client, () => useCommandIds())
  await list.until(live => idsOf(live) === 'c0')
  const row = probe(t, fleet.client, () => useCommand('c0', ({ status }) => status))
  for (let i = 0; i < 600; i++) {
    const record = command(`c${i}`, { createdAt: i, status: 'succeeded' })
    fleet.event(`agents.a1.commands.c${i}`, 'command:succeeded', record)
  }
  await list.until(live => data(live)?.[0] === 'c599')
  const ids = data(list.now())!
  t.equal(ids.length, 500)
  t.ok(ids.includes('c0'))
  t.notOk(ids.includes('c1'))
  t.match(row.now(), { data: 'succeeded' })
})

t.test('open requests: the list loses an answered one, its own view does not', async t => {
  const fleet = new ScriptedFleet()
  const ask = (interactionId: string, over: object = {}) => ({
    ...{ interactionId, agentId: 'a1', kind: 'permission', title: interactionId, description: '', risk: 'low' },
    ...{ options: [], defaultOnTimeout: 'deny', state: 'open', createdAt: 1, ...over },
  })
  fleet.records = ['i1', 'i2'].map((id, i) => ({
    ...{ topic: `agents.a1.interactions.${id}`, type: 'interaction:requested', payload: ask(id, { createdAt: i }) },
  }))
  const hook = probe(t, fleet.client, () => ({ ids: useInteractionIds(), one: useInteraction('i1') }))
  await hook.until(({ ids }) => idsOf(ids) === 'i1 i2')
  const resolution = { optionId: 'yes', by: 'ann', via: 'ws', at: 1 }
  fleet.event('agents.a1.interactions.i1', 'interaction:resolved', ask('i1', { state: 'resolved', resolution }))
  await hook.until(({ ids, one }) => idsOf(ids) === 'i2' && data(one)?.resolution?.by === 'ann')
  await frame()
  t.same(fleet.unsubscribed, [])
})
