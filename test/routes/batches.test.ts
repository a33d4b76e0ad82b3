import { AgentClient } from '@fleetwire/client/node'
import type { Batch, Command } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { startApp, type TestApp } from '../helpers/build.ts'

interface Accepted {
  parentId: string
  commands: Command[]
  refused: { agentId: string; error: { code: string } }[]
}

const fleet = ['web-1', 'web-2', 'web-3', 'db-1']

/** Agents whose `wait` commands end when the test decides; `echo` succeeds at once, `fail` fails at once. */
async function connect(t: Test, server: TestApp) {
  const open = new Map<string, (status: 'succeeded' | 'failed') => void>()
  const looks = new Set<() => void>()
  let most = 0
  for (const agentId of fleet) {
    const agent = new AgentClient({
      url: server.url,
      token: await server.token('agent', { sub: agentId }),
      labels: { role: agentId.split('-')[0]! },
      handlers: {
        echo: run => ({ status: 'succeeded', output: run.input }),
        fail: () => ({ status: 'failed', error: 'no' }),
        wait: run =>
          new Promise(resolve => {
            const end = (status: 'succeeded' | 'failed' | 'cancelled') => {
              open.delete(agentId)
              resolve({ status })
            }
            run.signal.addEventListener('abort', () => end('cancelled'))
            open.set(agentId, end)
            most = Math.max(most, open.size)
            for (const look of looks) look()
          }),
      },
    })
    t.teardown(() => agent.stop({ graceMs: 0 }))
    const online = new Promise<void>(resolve => {
      agent.status.subscribe(({ state }) => state === 'online' && resolve())
    })
    await agent.start()
    await online
  }
  /** Resolves once this many `wait` commands are running. */
  const running = (count: number) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (open.size < count) return
        looks.delete(look)
        resolve()
      }
      looks.add(look)
      look()
    })
  return { open, running, most: () => most }
}

async function start(t: Test, dir?: string) {
  const server = await startApp(t, { config: dir === undefined ? {} : { DATA_DIR: dir } })
  const operator = await server.token('operator')
  const api = <T = Batch>(method: string, path: string, body?: unknown, token = operator) =>
    server.call<T>(token, method, `/api/v1${path}`, body)
  const submit = (body: object, token = operator) => api<Accepted>('POST', '/commands', body, token)
  /** Resolves with the batch once it has ended. */
  const ended = (parentId: string) =>
    new Promise<Batch>(resolve => {
      const look = async () => {
        const { body } = await api('GET', `/batches/${parentId}`)
        if (body.status !== 'ended') return
        unfollow()
        resolve(body)
      }
      const unfollow = server.log.follow(() => void look())
      void look()
    })
  return { ...server, operator, api, submit, ended }
}

test('[FC1] [FC2] a selector picks its agents, and the batch shows its progress', async t => {
  const { submit, api, ended, ...server } = await start(t)
  await connect(t, server)
  const accepted = await submit({ selector: { labels: { role: 'web' } }, command: { kind: 'echo', input: 'hi' } })
  t.equal(accepted.status, 202)
  t.equal(accepted.headers.get('location'), `/api/v1/batches/${accepted.body.parentId}`)
  t.same(accepted.body.commands.map(c => c.agentId).sort(), ['web-1', 'web-2', 'web-3'])
  const batch = await ended(accepted.body.parentId)
  t.match(batch, { total: 3, counts: { succeeded: 3, queued: 0 }, createdBy: 'operator', kind: 'echo' })
  const { body } = await api<{ items: Command[] }>('GET', `/commands?parentId=${batch.parentId}`)
  t.equal(body.items.length, 3)

  const some = await submit({ selector: { ids: ['db-1', 'nobody'] }, command: { kind: 'echo', input: 1 } })
  t.match(some, { status: 202, body: { refused: [{ agentId: 'nobody', error: { code: 'not_found' } }] } })
  t.equal(some.body.commands.length, 1)
  t.match(await submit({ selector: {}, command: { kind: 'echo', input: 1 } }), { status: 400 })
  t.match(await submit({ selector: { ids: ['nobody'] }, command: { kind: 'echo', input: 1 } }), { status: 404 })
  t.match(await api('GET', '/batches/none'), { status: 404 })
})

test('[FC3] no more commands run at once than allowed', async t => {
  const { submit, ended, ...server } = await start(t)
  const { open, running, most } = await connect(t, server)
  const { body } = await submit({
    ...{ selector: { ids: fleet }, command: { kind: 'wait', input: null }, maxParallel: 2 },
  })
  // A command that waits for its batch does not block the commands behind it.
  await running(2)
  const free = fleet.find(agentId => !open.has(agentId))!
  const behind = await server.call<Command>(server.operator, 'POST', `/api/v1/agents/${free}/commands?wait=30`, {
    ...{ kind: 'echo', input: 'x' },
  })
  t.equal(behind.body.status, 'succeeded')
  for (let left = fleet.length; left > 0; left--) {
    await running(Math.min(2, left))
    open.values().next().value?.('succeeded')
  }
  t.match(await ended(body.parentId), { counts: { succeeded: 4 } })
  t.equal(most(), 2)
})

test('[FC4] after enough failures the remaining commands are cancelled', async t => {
  const { submit, ended, ...server } = await start(t)
  await connect(t, server)
  const { body } = await submit({
    ...{ selector: { ids: fleet }, command: { kind: 'fail', input: null }, maxParallel: 1, stopOnFailures: 2 },
  })
  const batch = await ended(body.parentId)
  t.match(batch, { stopReason: 'failures', stoppedBy: 'fleetwire' })
  t.ok(batch.counts.failed >= 2 && batch.counts.failed < 4, 'one command may already have been under way')
  t.equal(batch.counts.failed + batch.counts.cancelled, 4)
})

test('[FC5] [FC6] only a token that sees all of a batch can stop it, as a whole', async t => {
  const { submit, api, ended, ...server } = await start(t)
  const { running } = await connect(t, server)
  const { body } = await submit({ selector: { ids: fleet }, command: { kind: 'wait', input: null }, maxParallel: 3 })
  await running(3)
  const narrow = await server.token('operator', { agents: ['web-*'] })
  t.match(await api('POST', `/batches/${body.parentId}/stop`, undefined, narrow), { status: 403 })
  t.equal((await api('GET', `/batches/${body.parentId}`, undefined, narrow)).body.commands.length, 3)
  const none = await server.token('operator', { agents: ['other'] })
  t.equal((await api('POST', `/batches/${body.parentId}/stop`, undefined, none)).status, 404)
  t.match(await api('POST', `/batches/${body.parentId}/stop`), { status: 200, body: { stopReason: 'requested' } })
  t.match(await ended(body.parentId), { counts: { cancelled: 4 }, stoppedBy: 'operator' })
  t.match(await api('POST', `/batches/${body.parentId}/stop`), { status: 200, body: { status: 'ended' } })
})

test('[FC3] [FC5] the limit and the stop of a batch survive a restart', async t => {
  const dir = t.testdir()
  const before = await start(t, dir)
  // The agents are known but offline, so everything waits.
  for (const agentId of fleet) {
    const agent = new AgentClient({
      url: before.url,
      token: await before.token('agent', { sub: agentId }),
      handlers: {},
    })
    const online = new Promise<void>(resolve => {
      agent.status.subscribe(({ state }) => state === 'online' && resolve())
    })
    await agent.start()
    await online
    await agent.stop({ graceMs: 0 })
  }
  const command = { kind: 'wait', input: null }
  const limited = await before.submit({ selector: { ids: fleet }, command, maxParallel: 1 })
  await before.app.close()

  const after = await start(t, dir)
  const { open, running, most } = await connect(t, after)
  for (let left = fleet.length; left > 0; left--) {
    await running(1)
    open.values().next().value?.('succeeded')
  }
  t.match(await after.ended(limited.body.parentId), { counts: { succeeded: 4 } })
  t.equal(most(), 1)
})

test('[FC1] the same idempotency key returns the same batch', async t => {
  const { url, operator, api, ...server } = await start(t)
  await connect(t, { url, ...server } as TestApp)
  const post = (body: object) =>
    fetch(`${url}/api/v1/commands`, {
      method: 'POST',
      headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/json', 'idempotency-key': 'k' },
      body: JSON.stringify(body),
    })
  const body = { selector: { ids: fleet }, command: { kind: 'echo', input: 1 } }
  const first = await post(body)
  const again = await post(body)
  t.same([first.status, again.status, again.headers.get('idempotent-replay')], [202, 200, 'true'])
  t.equal(((await first.json()) as Accepted).parentId, ((await again.json()) as Accepted).parentId)
  t.equal((await post({ ...body, maxParallel: 1 })).status, 409)
})
