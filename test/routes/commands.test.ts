import { AgentClient, type AgentClient as Client } from '@fleetwire/client/node'
import type { Agent, Command } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { until } from '../helpers/until.ts'

interface Page<T> {
  items: T[]
  nextCursor: string | null
}

/** A server with an agent whose commands end when the test decides; `echo` commands end at once. */
async function start(t: Test, config = {}) {
  const server = await startApp(t, { config })
  const open: (() => void)[] = []
  const connect = async (agentId: string): Promise<Client> => {
    const agent = new AgentClient({
      url: server.url,
      token: await server.token('agent', { sub: agentId }),
      handlers: {
        echo: run => ({ status: 'succeeded', output: run.input, exitCode: 0 }),
        wait: run =>
          new Promise(resolve => {
            const end = (status: 'succeeded' | 'cancelled') => () => resolve({ status })
            open.push(end('succeeded'))
            run.signal.addEventListener('abort', end('cancelled'))
          }),
      },
    })
    t.teardown(() => agent.stop({ graceMs: 0 }))
    const online = new Promise<void>(resolve => {
      agent.status.subscribe(({ state }) => state === 'online' && resolve())
    })
    await agent.start()
    await online
    return agent
  }
  const operator = await server.token('operator')
  const agent = await connect('a1')
  const call = <T>(method: string, path: string, body?: unknown, token = operator) =>
    server.call<T>(token, method, `/api/v1${path}`, body)
  const submit = (body: object, query = '', agentId = 'a1') =>
    call<Command>('POST', `/agents/${agentId}/commands${query}`, body)
  return {
    ...server,
    connect,
    agent,
    operator,
    api: call,
    submit,
    /** The next command that is reported in this status. */
    inStatus: (status: Command['status']) =>
      new Promise<Command>(resolve => {
        const unfollow = server.log.follow(batch => {
          const found = batch.find(event => event.type === `command:${status}`)
          if (found === undefined) return
          unfollow()
          resolve(found.payload as Command)
        })
      }),
    endAll: () => open.splice(0).forEach(end => void end()),
  }
}

test('[RE4] [RE5] a submission returns 202 with its queue position, or with wait 200 once the command has ended', async t => {
  const { submit, api } = await start(t)
  const accepted = await submit({ kind: 'wait', input: null })
  t.equal(accepted.status, 202)
  t.equal(accepted.headers.get('location'), `/api/v1/commands/${accepted.body.commandId}`)
  t.match(accepted.body, { status: 'queued', agentId: 'a1', createdBy: 'operator', onLost: 'fail', attempt: 0 })
  t.match(await submit({ kind: 'echo', input: 'x' }, '?wait=0.05'), { status: 202, body: { status: 'queued' } })
  t.match(await api('POST', `/commands/${accepted.body.commandId}/interrupt`), {
    status: 200,
    body: { affected: true },
  })
  t.match(await submit({ kind: 'echo', input: { any: ['json'] } }, '?wait=30'), {
    status: 200,
    body: { status: 'succeeded', output: { any: ['json'] }, exitCode: 0 },
  })
  t.match(await submit({ kind: 'unheard-of', input: 1 }, '?wait=30'), {
    status: 200,
    body: { status: 'rejected', reason: 'unsupported' },
  })
  const keyed = { kind: 'echo', input: 1, idempotencyKey: 'again' }
  const first = await submit(keyed)
  t.match([first.status, first.headers.get('idempotent-replay')], [202, null])
  const again = await submit(keyed)
  t.match(
    [again.status, again.headers.get('idempotent-replay'), again.body.commandId],
    [200, 'true', first.body.commandId],
  )
})

test('[LM4] [ER4] an invalid submission is refused with the reason, and nothing is accepted', async t => {
  const { submit, api, token } = await start(t)
  const cases: [object | string, number, string][] = [
    [{ kind: 'echo' }, 400, 'body.input'],
    [{ input: 1 }, 400, 'body.kind'],
    [{ kind: 'No Slug', input: 1 }, 400, 'body.kind'],
    [{ kind: 'echo', input: 1, priorty: 3 }, 400, 'priorty'],
    [{ kind: 'echo', input: 1, priority: '3' }, 400, 'body.priority'],
    [{ kind: 'echo', input: 1, whenBusy: 'later' }, 400, 'body.whenBusy'],
    [{ kind: 'echo', input: 1, queueTtlMs: -1 }, 400, 'body.queueTtlMs'],
    [{ kind: 'echo', input: 'x'.repeat(70_000) }, 413, 'input'],
    [{ kind: 'echo', input: JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`) }, 400, 'nested'],
  ]
  for (const [body, status, named] of cases) {
    const answer = await submit(body as object)
    t.equal(answer.status, status, named)
    t.match(answer.body as unknown as { message: string }, { message: named })
  }
  t.match(await submit({ kind: 'echo', input: 1 }, '', 'nobody'), { status: 404, body: { code: 'not_found' } })
  t.match(await submit({ kind: 'echo', input: 1 }, '?wait=61'), { status: 400, body: { code: 'invalid_request' } })
  t.match(await api('POST', '/agents/a1/commands', { kind: 'echo', input: 1 }, await token('viewer')), {
    status: 403,
    body: { code: 'forbidden' },
  })
  const list = await api<Page<Command>>('GET', '/commands')
  t.strictSame(list.body, { items: [], nextCursor: null })
})

test('[RE6] [CQ4] [CQ5] a full queue returns 429 with Retry-After, a busy agent 409', async t => {
  const { submit, inStatus } = await start(t, { QUEUE_LIMIT: 2 })
  const running = inStatus('running')
  await submit({ kind: 'wait', input: 1, runTimeoutMs: 0 })
  await running
  t.match(await submit({ kind: 'echo', input: 1, whenBusy: 'reject' }), { status: 409, body: { code: 'conflict' } })
  await submit({ kind: 'echo', input: 1 })
  await submit({ kind: 'echo', input: 2 })
  const full = await submit({ kind: 'echo', input: 3 })
  t.match(full, { status: 429, body: { code: 'queue_full' } })
  t.equal(full.headers.get('retry-after'), '1')
})

test('lists are newest first, filtered and paged, and omit what the token may not see', async t => {
  const { submit, api, connect, token } = await start(t)
  await connect('b1')
  const ids: string[] = []
  for (let i = 0; i < 5; i++)
    ids.unshift(
      (await submit({ kind: 'echo', input: i, ...(i === 2 && { taskId: 'task_1' }) }, '?wait=30')).body.commandId,
    )
  const other = (await submit({ kind: 'wait', input: 1 }, '', 'b1')).body.commandId
  const idsOf = async (path: string, as?: string) => {
    const { status, body } = await api<Page<Command>>('GET', path, undefined, as)
    t.equal(status, 200, path)
    return body.items.map(command => command.commandId)
  }
  t.strictSame(await idsOf('/agents/a1/commands'), ids)
  t.strictSame(await idsOf('/commands?status=succeeded,failed'), ids)
  t.strictSame(await idsOf('/commands?agentId=b1'), [other])
  t.strictSame(await idsOf('/commands?taskId=task_1'), [ids[2]])
  t.strictSame(await idsOf('/commands?createdAfter=99999999999999'), [])
  const paged: string[] = []
  let cursor = ''
  for (;;) {
    const { body } = await api<Page<Command>>('GET', `/agents/a1/commands?limit=2${cursor}`)
    paged.push(...body.items.map(command => command.commandId))
    if (body.nextCursor === null) break
    cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`
  }
  t.strictSame(paged, ids)
  for (const path of [
    '/commands?status=done',
    '/commands?limit=0',
    '/commands?cursor=nonsense',
    '/commands?color=red',
  ]) {
    t.match(await api('GET', path), { status: 400, body: { code: 'invalid_request' } }, path)
  }

  const narrow = await token('operator', { sub: 'narrow', agents: ['b*'] })
  t.strictSame(await idsOf('/commands', narrow), [other])
  t.strictSame(await idsOf('/commands?agentId=a1', narrow), [])
  t.strictSame(
    (await api<Page<Agent>>('GET', '/agents', undefined, narrow)).body.items.map(a => a.agentId),
    ['b1'],
  )
  for (const [method, path] of [
    ['GET', `/commands/${ids[0]}`],
    ['POST', `/commands/${ids[0]}/interrupt`],
    ['POST', `/commands/${ids[0]}/retry`],
    ['DELETE', `/commands/${ids[0]}`],
    ['GET', '/agents/a1'],
    ['GET', '/agents/a1/commands'],
  ] as const) {
    t.match(
      await api(method, path, undefined, narrow),
      { status: 404, body: { code: 'not_found' } },
      `${method} ${path}`,
    )
  }
})

test('[CQ10] [CQ11] [CQ12] commands can be interrupted, retried, edited and dropped', async t => {
  const { submit, api, inStatus } = await start(t)
  const runs = inStatus('running')
  await submit({ kind: 'wait', input: 1 })
  const running = await runs
  const queued = (await submit({ kind: 'echo', input: 1 })).body
  const path = `/commands/${queued.commandId}`
  t.match(await api('PATCH', path, { input: 'edited', priority: 7 }), {
    status: 200,
    body: { input: 'edited', priority: 7 },
  })
  t.match(await api('PATCH', path, { runNext: true }), { status: 200, body: { runNextAt: Number, priority: 7 } })
  t.notOk('runNextAt' in (await api<Command>('PATCH', path, { runNext: false })).body)
  t.match(await api('PATCH', path, { runNext: 'yes' }), { status: 400, body: { code: 'invalid_request' } })
  t.match(await api('PATCH', path, { priority: 101 }), { status: 400, body: { message: /priority/ } })
  t.match(await api('PATCH', path, {}), { status: 400 })
  t.match(await api('PATCH', path, { status: 'succeeded' }), { status: 400 })
  t.match(await api('DELETE', path), { status: 200, body: { status: 'cancelled', reason: 'dropped' } })
  t.match(await api('DELETE', path), { status: 409, body: { code: 'conflict', details: { status: 'cancelled' } } })
  t.match(await api('PATCH', `/commands/${running.commandId}`, { runNext: true }), {
    status: 409,
    body: { code: 'conflict', details: { status: 'running' } },
  })
  t.match(await api('POST', `/commands/${running.commandId}/retry`), { status: 409 })
  t.match(await api('POST', `/commands/${running.commandId}/interrupt`, { reason: 'enough' }), {
    body: { affected: true },
  })
  t.match(await api('POST', `${path}/interrupt`), { status: 200, body: { affected: false, status: 'cancelled' } })
  t.match(await api('POST', `${path}/retry`), { status: 202, body: { retryOf: queued.commandId, input: 'edited' } })
  t.match(await api('GET', '/commands/cmd_none'), { status: 404 })
})

test('agents are shown, disconnected, and removed once they are offline', async t => {
  const { api, connect, agent, token, log } = await start(t)
  const admin = await token('admin')
  await connect('a2')
  t.match(await api('GET', '/agents/a1'), {
    status: 200,
    body: { agentId: 'a1', link: 'online', status: 'online', work: 'idle' },
  })
  const first = await api<Page<Agent>>('GET', '/agents?limit=1')
  t.match(first.body, { items: [{ agentId: 'a1' }], nextCursor: 'a1' })
  t.match(await api('GET', '/agents?limit=1&cursor=a1'), { body: { items: [{ agentId: 'a2' }], nextCursor: null } })
  t.match(await api('GET', '/agents?status=offline'), { body: { items: [] } })
  t.match(await api('GET', '/agents?status=asleep'), { status: 400 })
  t.match(await api('DELETE', '/agents/a1'), { status: 403 })
  t.match(await api('DELETE', '/agents/a1', undefined, admin), { status: 409, body: { code: 'conflict' } })
  // Recorded from here on: the agent may reconnect before a request would show it as offline.
  const links: Agent['link'][] = []
  t.teardown(
    log.follow(events => {
      for (const { type, payload } of events) {
        const { agentId, link } = payload as Agent
        if (type === 'agent:status' && agentId === 'a1') links.push(link)
      }
    }),
  )
  t.match(await api('POST', '/agents/a1/disconnect', {}, admin), { status: 200, body: { affected: true } })
  await until(() => links.includes('late'))
  agent.reconnectNow()
  await until(() => links.lastIndexOf('online') > links.indexOf('late'))
  await agent.stop({ graceMs: 5000 })
  await until(() => links.at(-1) === 'offline')
  t.match(await api('POST', '/agents/a1/disconnect', {}, admin), { body: { affected: false } })
  t.equal((await api('DELETE', '/agents/a1', undefined, admin)).status, 204)
  t.match(await api('GET', '/agents/a1'), { status: 404 })
})
