import t from 'tap'
import { startApp } from '../../helpers/build.ts'
import { connectWs } from '../../helpers/ws-client.ts'

t.test('[EV1] [EV5] [EV7] an event of a record carries the whole record, and its removal event removes it', async t => {
  const { url, token, call } = await startApp(t)
  const operator = await token('operator')
  const watcher = await connectWs(t, url, await token('viewer'))
  await watcher.request('subscribe', { topics: ['tasks.>'] })
  const { body: made } = await call<{ taskId: string }>(operator, 'POST', '/api/v1/tasks', { title: 'Ship' })
  const path = `/api/v1/tasks/${made.taskId}`
  await watcher.next('task:created')
  const { body: edited } = await call(operator, 'PATCH', path, { progress: 0.5 })
  const changed = await watcher.next(({ payload }) => payload.progress === 0.5)
  t.same(Object.keys(changed).toSorted(), ['at', 'cursor', 'payload', 'topic', 'type'])
  t.same(changed.payload, edited)

  t.equal((await call(operator, 'DELETE', path)).status, 204)
  t.match(await watcher.next('task:deleted'), { topic: changed.topic })
  const later = await connectWs(t, url, await token('viewer'))
  await later.request('subscribe', { topics: ['tasks.>'] })
  t.match(await later.next('snapshot'), { payload: { records: [] } })
})

t.test('[SB2] [SB10] an active snapshot shows unfinished records, and reports when they end', async t => {
  const { url, token, call } = await startApp(t)
  const operator = await token('operator')
  const make = async (title: string) =>
    (await call<{ taskId: string }>(operator, 'POST', '/api/v1/tasks', { title })).body.taskId
  const [ended, open] = [await make('over'), await make('goes on')]
  await call(operator, 'POST', `/api/v1/tasks/${ended}/complete`)
  const viewer = await token('viewer')
  const shown = async (type: string, payload: object) => {
    const watcher = await connectWs(t, url, viewer)
    watcher.send(type, payload)
    const { records } = (await watcher.next('snapshot')).payload as { records: { payload: { taskId: string } }[] }
    return { watcher, taskIds: records.map(({ payload }) => payload.taskId) }
  }
  t.same((await shown('subscribe', { topics: ['tasks.>'] })).taskIds.toSorted(), [ended, open].toSorted())
  t.same((await shown('dashboard:connect', { subscribe: ['tasks.>'], snapshot: 'active' })).taskIds, [open])
  const gone = { subscribe: ['tasks.>'], snapshot: 'active', resume: { cursor: 'of-another-log' } }
  t.same((await shown('dashboard:connect', gone)).taskIds, [open], 'also when the snapshot replaces a replay')
  const { watcher, taskIds } = await shown('subscribe', { topics: ['tasks.>'], snapshot: 'active' })
  t.same(taskIds, [open])
  await call(operator, 'POST', `/api/v1/tasks/${open}/complete`)
  t.match(await watcher.next('task:completed'), { payload: { taskId: open } })

  const without = await connectWs(t, url, viewer)
  without.send('dashboard:connect', { subscribe: ['tasks.>'], snapshot: false })
  await without.next('connection:established')
  const later = await make('later')
  t.match(await without.next(({ type }) => type === 'snapshot' || type === 'task:created'), {
    type: 'task:created',
    payload: { taskId: later },
  })
  t.match(await without.request('subscribe', { topics: ['tasks.>'], snapshot: 'old' }), { code: 'invalid_frame' })
})
