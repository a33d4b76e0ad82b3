import { AgentClient } from '@fleetwire/client/node'
import type { Task } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { size } from '../helpers/sizes.ts'

interface Page {
  items: Task[]
  nextCursor: string | null
}

async function start(t: Test, config = {}) {
  const server = await startApp(t, { config })
  const operator = await server.token('operator')
  const api = <T = Task>(method: string, path: string, body?: unknown, token = operator) =>
    server.call<T>(token, method, `/api/v1${path}`, body)
  /** An agent that is online, and a way to wait until the server has stored all its reports. */
  async function connect(agentId: string) {
    const token = await server.token('agent', { sub: agentId })
    const agent = new AgentClient({ url: server.url, token, handlers: {} })
    t.teardown(() => agent.stop({ graceMs: 0 }))
    await agent.start()
    return agent
  }
  /** Resolves with the task once the log has an event of this type about it. */
  const event = (type: string, taskId: string) =>
    new Promise<Task>(resolve => {
      const unfollow = server.log.follow(events => {
        const found = events.find(e => e.type === type && (e.payload as Task).taskId === taskId)
        if (found === undefined) return
        unfollow()
        resolve(found.payload as Task)
      })
    })
  return { ...server, api, connect, event }
}

test('a server with default settings', async t => {
  const server = await start(t)
  await t.test('a task is created, read, updated, moved to another status and deleted', async t => {
    const { api } = server
    const made = await api('POST', '/tasks', { title: 'Ship', labels: { team: 'a' } })
    t.match(made, { status: 201, body: { title: 'Ship', status: 'pending', progress: 0, labels: { team: 'a' } } })
    const { taskId } = made.body
    t.match(taskId, /^task_/)
    t.equal(made.headers.get('location'), `/api/v1/tasks/${taskId}`)
    t.same((await api('GET', `/tasks/${taskId}`)).body, made.body)
    t.match(await api('PATCH', `/tasks/${taskId}`, { progress: 0.5 }), {
      status: 200,
      body: { progress: 0.5, title: 'Ship' },
    })
    t.match(await api('POST', `/tasks/${taskId}/start`), { status: 200, body: { status: 'running', progress: 0.5 } })
    t.match(await api('POST', `/tasks/${taskId}/start`), { status: 200, body: { status: 'running' } })
    t.match(await api('DELETE', `/tasks/${taskId}`), { status: 409, body: { code: 'conflict', message: /running/ } })
    t.match(await api('POST', `/tasks/${taskId}/complete`, { result: 'v1' }), {
      status: 200,
      body: { status: 'completed', progress: 1, result: 'v1' },
    })
    t.match(await api('POST', `/tasks/${taskId}/start`), { status: 409, body: { details: { status: 'completed' } } })
    t.equal((await api('DELETE', `/tasks/${taskId}`)).status, 204)
    t.match(await api('GET', `/tasks/${taskId}`), { status: 404, body: { code: 'not_found' } })
    t.equal((await api('DELETE', `/tasks/${taskId}`)).status, 404)
  })

  await t.test(
    '[TK12] a task is at most 512 KiB, and an update that would make it larger leaves it unchanged',
    async t => {
      const { api } = server
      const half = 'x'.repeat(300 * 1024)
      const { body } = await api('POST', '/tasks', { title: 'Large', description: half })
      const tooLarge = { status: 413, body: { code: 'too_large', details: { limitBytes: 512 * 1024 } } }
      t.match(await api('POST', `/tasks/${body.taskId}/complete`, { result: half }), tooLarge)
      t.match(await api('GET', `/tasks/${body.taskId}`), { status: 200, body: { status: 'pending' } })
      t.match(await api('POST', '/tasks', { title: 'Larger', description: half, result: half }), tooLarge)
    },
  )

  await t.test('PUT creates and replaces; POST of an existing task is refused', async t => {
    const { api } = server
    t.match(await api('PUT', '/tasks/t1', { title: 'One', description: 'd' }), { status: 200, body: { taskId: 't1' } })
    t.match(await api('PUT', '/tasks/t1', { title: 'Two' }), { status: 200, body: { title: 'Two', description: '' } })
    t.match(await api('POST', '/tasks', { taskId: 't1', title: 'x' }), { status: 409, body: { code: 'conflict' } })
  })

  await t.test('[TK8] [TK9] updates cannot break the task tree', async t => {
    const { api } = server
    for (const [taskId, parentTaskId] of [['a'], ['b', 'a'], ['c', 'b']] as const) {
      t.equal(
        (await api('POST', '/tasks', { taskId, title: taskId, ...(parentTaskId && { parentTaskId }) })).status,
        201,
      )
    }
    t.match(await api('PATCH', '/tasks/a', { parentTaskId: 'c' }), {
      status: 409,
      body: { message: /its own ancestor/ },
    })
    t.match(await api('PATCH', '/tasks/a', { parentTaskId: 'a' }), { status: 409 })
    t.match(await api('PATCH', '/tasks/a', { parentTaskId: 'nobody' }), {
      status: 400,
      body: { code: 'invalid_request' },
    })
    t.match(await api('DELETE', '/tasks/b'), { status: 409, body: { message: /subtasks, such as "c"/ } })
    const { body } = await api<Page>('GET', '/tasks?parentTaskId=b')
    t.same(
      body.items.map(task => task.taskId),
      ['c'],
    )
  })

  await t.test('[PM10] a refusal says that an id is taken, but nothing about the task that has it', async t => {
    const { api, token, connect } = server
    await connect('db-1')
    await api('POST', '/tasks', { taskId: 'mine', title: 'secret plans', agentId: 'db-1' })
    const narrow = await token('operator', { agents: ['web-*'] })
    const taken = await api('POST', '/tasks', { taskId: 'mine', title: 'x' }, narrow)
    t.match(taken, { status: 409, body: { code: 'conflict' } })
    t.notMatch(JSON.stringify(taken.body), /secret|db-1|pending/)
    t.equal((await api('GET', '/tasks/mine', undefined, narrow)).status, 404)
  })

  await t.test('[PM1] a viewer changes nothing, and nobody assigns work to an agent that they cannot see', async t => {
    const { api, token } = server
    const viewer = await token('viewer')
    t.equal((await api('POST', '/tasks', { title: 'x' }, viewer)).status, 403)
    t.equal((await api('GET', '/tasks', undefined, viewer)).status, 200)
    const narrow = await token('operator', { agents: ['web-*'] })
    t.match(await api('POST', '/tasks', { title: 'x', agentId: 'db-1' }, narrow), {
      status: 404,
      body: { code: 'not_found' },
    })
    t.equal((await api('POST', '/tasks', { title: 'x', agentId: 'web-1' }, narrow)).status, 201)
    t.match(await api('POST', '/tasks', { title: 'x', colour: 'red' }), { status: 400, body: { message: /colour/ } })
    t.match(await api('POST', '/tasks', { title: 'x', progress: 2 }), { status: 400, body: { message: /progress/ } })
    t.match(await api('POST', '/tasks/t/explode'), { status: 400, body: { code: 'invalid_request' } })
  })

  await t.test('[TK5] [TK6] agents report on tasks; reports that they may not make are refused', async t => {
    const { api, connect, event } = server
    await api('POST', '/tasks', { taskId: 'shared', title: 'Shared' })
    const agent = await connect('a1')
    const done = event('task:completed', 'shared')
    agent.report('task:start', { taskId: 'shared', message: 'on it' })
    agent.report('task:progress', { taskId: 'shared', progress: 0.4, confidence: 0.9 })
    agent.report('task:complete', { taskId: 'shared', result: { files: 3 } })
    t.match(await done, { agentId: 'a1', status: 'completed', confidence: 0.9, message: 'on it', result: { files: 3 } })

    const other = await connect('a2')
    const made = event('task:created', 'own')
    other.report('task:complete', { taskId: 'nobody' })
    other.report('task:update', { taskId: 'shared', title: 'Mine' })
    other.report('task:create', { taskId: 'own', title: 'Own', parentTaskId: 'shared' })
    t.match(await made, { agentId: 'a2', parentTaskId: 'shared' })
    t.match((await api('GET', '/tasks/shared')).body, { title: 'Shared' }, 'another agent’s task is unchanged')
    t.equal((await api('GET', '/tasks/nobody')).status, 404)
  })
})

test('lists are filtered and paged, newest first', async t => {
  const { api } = await start(t)
  for (let i = 0; i < 5; i++) await api('POST', '/tasks', { title: `t${i}`, status: i % 2 ? 'running' : 'pending' })
  const first = await api<Page>('GET', '/tasks?limit=3')
  t.same(
    first.body.items.map(task => task.title),
    ['t4', 't3', 't2'],
  )
  const rest = await api<Page>('GET', `/tasks?limit=3&cursor=${first.body.nextCursor}`)
  t.same([rest.body.items.map(task => task.title), rest.body.nextCursor], [['t1', 't0'], null])
  const running = await api<Page>('GET', '/tasks?status=running,paused')
  t.same(
    running.body.items.map(task => task.title),
    ['t3', 't1'],
  )
  t.match(await api('GET', '/tasks?status=busy'), { status: 400, body: { message: /"busy" is not one of pending/ } })
})

test('[TK10] all tasks, or one, are exported as a file', async t => {
  const { api } = await start(t)
  // More than the log reads in one page.
  const count = size('EXPORTED_TASKS', { quick: 600, full: 1100 })
  for (let i = 0; i < count; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => api('PUT', `/tasks/t${i + n}`, { title: `task ${i + n}` })))
  }
  const json = await api<Task[]>('GET', '/tasks/export/json')
  t.equal(json.headers.get('content-disposition'), 'attachment; filename="tasks.json"')
  t.equal(new Set(json.body.map(task => task.taskId)).size, count)
  const csv = await api<string>('GET', '/tasks/export/csv?status=pending')
  t.equal(csv.body.split('\r\n').length, count + 2)
  const md = await api<string>('GET', '/tasks/t7/export/md')
  t.match(md.headers.get('content-type'), /^text\/markdown/)
  t.match(md.body, /^# task 7\n/)
  t.equal((await api('GET', '/tasks/none/export/md')).status, 404)
  t.equal((await api('GET', '/tasks/export/xml')).status, 400)
})
