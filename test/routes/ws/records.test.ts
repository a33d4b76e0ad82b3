import t from 'tap'
import { startApp } from '../../helpers/build.ts'
import { connectWs } from '../../helpers/ws-client.ts'

t.test('[EV1] [EV5] [EV7] an event of a record carries the whole record, and its removal removes it', async t => {
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
