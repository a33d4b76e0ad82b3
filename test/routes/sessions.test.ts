import { AgentClient, DashboardClient } from '@fleetwire/client/node'
import type { Session, TranscriptItem, TranscriptMessage } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import type { FleetEvent } from '../../src/log/event-log.ts'
import { startApp } from '../helpers/build.ts'

interface Page<T> {
  items: T[]
  nextCursor: string | null
}

async function start(t: Test) {
  const server = await startApp(t)
  const operator = await server.token('operator')
  const api = <T>(path: string, token = operator) => server.call<T>(token, 'GET', `/api/v1${path}`)
  async function connect(agentId: string, onError?: (error: { code: string }) => void) {
    const token = await server.token('agent', { sub: agentId })
    const agent = new AgentClient({ url: server.url, token, handlers: {}, ...(onError && { onError }) })
    t.teardown(() => agent.stop({ graceMs: 0 }))
    await agent.start()
    return agent
  }
  /** The first event of this type from now on. */
  const event = (type: string, fits: (payload: never) => boolean = () => true) =>
    new Promise<FleetEvent>(resolve => {
      const unfollow = server.log.follow(events => {
        const found = events.find(e => e.type === type && fits(e.payload as never))
        if (found === undefined) return
        unfollow()
        resolve(found)
      })
    })
  return { ...server, api, connect, event }
}

test('[SE1] [SE9] [SE10] [SE15] an agent’s messages become a session and its transcript', async t => {
  const { api, connect, event } = await start(t)
  const agent = await connect('a1')
  const done = event('message:end', ({ messageId }: { messageId: string }) => messageId === 'm2')
  const of = { sessionId: 's1' }
  agent.report('message:start', { ...of, messageId: 'q', role: 'user', text: 'How many files?' })
  agent.report('message:end', { ...of, messageId: 'q' })
  agent.report('message:start', { ...of, messageId: 'm1' })
  agent.report('message:delta', { ...of, messageId: 'm1', delta: 'Let me ' })
  agent.report('tool:start', { ...of, toolCallId: 't1', messageId: 'm1', name: 'ls' })
  agent.report('tool:args', { ...of, toolCallId: 't1', delta: '{"path":' })
  agent.report('message:delta', { ...of, messageId: 'm1', delta: 'look.' })
  agent.report('tool:args', { ...of, toolCallId: 't1', delta: '"."}' })
  agent.report('message:end', { ...of, messageId: 'm1' })
  agent.report('tool:end', { ...of, toolCallId: 't1', result: ['a', 'b'] })
  agent.report('message:delta', { ...of, messageId: 'm2', delta: 'Too' })
  agent.report('message:end', { ...of, messageId: 'm2', text: 'Two.' })
  await done
  const { body } = await api<Page<TranscriptItem>>('/sessions/s1/messages')
  t.match(body, {
    items: [
      { kind: 'message', messageId: 'q', role: 'user', text: 'How many files?', state: 'ended' },
      { kind: 'message', messageId: 'm1', role: 'assistant', text: 'Let me look.', state: 'ended' },
      { kind: 'tool', toolCallId: 't1', name: 'ls', args: { path: '.' }, result: ['a', 'b'], state: 'ended' },
      { kind: 'message', messageId: 'm2', role: 'assistant', text: 'Two.' },
    ],
    nextCursor: null,
  })
  t.match(await api('/sessions/s1'), { status: 200, body: { agentId: 'a1', status: 'active', lastMessage: 'Two.' } })
  const paged: TranscriptItem[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await api<Page<TranscriptItem>>(`/sessions/s1/messages?limit=1${cursor ? `&cursor=${cursor}` : ''}`)
    t.equal(page.body.items.length, 1)
    paged.push(...page.body.items)
    cursor = page.body.nextCursor
  }
  t.same(paged, body.items, 'the same, page by page')
  t.match(await api('/sessions/s1/messages?cursor=other.1'), { status: 410, body: { code: 'cursor_gone' } })
})

test('[SE6] [SE7] [PM4] sessions are listed and filtered, and hidden from tokens that may not see them', async t => {
  const { api, connect, event, token } = await start(t)
  const one = await connect('web-1')
  let started = event('session:started', ({ sessionId }: Session) => sessionId === 's2')
  one.report('session:start', { sessionId: 's1', title: 'First' })
  one.report('session:start', { sessionId: 's2' })
  await started
  const ended = event('session:ended')
  one.report('session:end', { sessionId: 's1' })
  await ended
  const refused = new Promise<{ code: string }>(resolve => {
    void connect('db-1', resolve).then(two => {
      started = event('session:started')
      two.report('message:start', { sessionId: 's2', messageId: 'm' })
      two.report('session:start', { sessionId: 's3' })
    })
  })
  t.match(await refused, { code: 'conflict' })
  await started
  const ids = async (query: string, as?: string) =>
    (await api<Page<Session>>(`/sessions${query}`, as)).body.items.map(({ sessionId }) => sessionId)
  t.same(await ids(''), ['s3', 's2', 's1'])
  t.same(await ids('?status=ended'), ['s1'])
  t.same(await ids('?agentId=web-1'), ['s2', 's1'])
  const narrow = await token('viewer', { agents: ['db-*'] })
  t.same(await ids('', narrow), ['s3'])
  t.same(await ids('?agentId=web-1', narrow), [])
  for (const path of ['/sessions/s1', '/sessions/s1/messages', '/sessions/none']) {
    t.match(await api(path, narrow), { status: 404, body: { code: 'not_found' } }, path)
  }
  t.match(await api('/sessions?status=asleep'), {
    status: 400,
    body: { message: /"asleep" is not one of active, ended/ },
  })
})

test('[SE2] [SB4] a megabyte in pieces arrives complete, even for a client that joins late', async t => {
  const { api, connect, event, url, token } = await start(t)
  const agent = await connect('a1')
  const of = { sessionId: 's1', messageId: 'big' }
  const text = Array.from({ length: 64 }, (_, i) => String(i).padStart(16, '0').repeat(1024)).join('')
  const middle = event('message:delta')
  agent.report('message:start', of)
  agent.report('message:delta', { ...of, delta: text.slice(0, 100_000) })
  await middle
  const dashboard = new DashboardClient({ url, token: await token('viewer') })
  t.teardown(() => dashboard.close())
  let seen = ''
  const whole = new Promise<void>(resolve => {
    const look = (type: string, payload: { text?: string; delta?: string }) => {
      if (type === 'message:start') seen = payload.text ?? ''
      if (type === 'message:delta') seen += payload.delta
      if (type === 'message:end') resolve()
    }
    dashboard.subscribe(['agents.a1.sessions.>'], {
      snapshot: ({ records }) => {
        for (const { type, payload } of records) look(type, payload as never)
        for (let at = 100_000; at < text.length; at += 100_000)
          agent.report('message:delta', { ...of, delta: text.slice(at, at + 100_000) })
        agent.report('message:end', of)
      },
      event: ({ type, payload }) => look(type, payload as never),
    })
  })
  dashboard.connect()
  await whole
  t.ok(seen === text, `${seen.length} of ${text.length} characters`)
  const { body } = await api<Page<TranscriptMessage>>('/sessions/s1/messages')
  t.ok(body.items[0]?.text === text)
})

test('[SE15] a page of a transcript ends before it gets too large, however few items it has', async t => {
  const { api, connect, event } = await start(t)
  const agent = await connect('a1')
  const letters = ['a', 'b', 'c', 'd', 'e']
  const done = event('message:end', ({ messageId }: { messageId: string }) => messageId === 'm4')
  for (const [i, letter] of letters.entries()) {
    const of = { sessionId: 's1', messageId: `m${i}` }
    agent.report('message:start', of)
    for (let n = 0; n < 9; n++) agent.report('message:delta', { ...of, delta: letter.repeat(100_000) })
    agent.report('message:end', of)
  }
  await done
  const items: TranscriptMessage[] = []
  let pages = 0
  for (let cursor: string | null = ''; cursor !== null; pages++) {
    const { status, body }: { status: number; body: Page<TranscriptMessage> } = await api(
      `/sessions/s1/messages?limit=100${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    )
    t.equal(status, 200)
    t.ok(body.items.reduce((sum, { text }) => sum + text.length, 0) < 3_000_000)
    items.push(...body.items)
    cursor = body.nextCursor
  }
  t.ok(pages > 1, `${pages} pages`)
  t.ok(
    items.length === letters.length && items.every(({ text }, i) => text === letters[i]!.repeat(900_000)),
    'all items, once each',
  )
})
