import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { LogWorker } from '../../../src/log/sqlite-client.ts'
import type { AppendOp, Reply, Request } from '../../../src/log/sqlite-messages.ts'
import { packAppends, unpackAppends } from '../../../src/log/sqlite-packing.ts'
import { note, numbers, readAll } from '../../contract/event-log-harness.ts'
import { openLog } from '../../helpers/log-folder.ts'

const LOG_WORKER = new URL('../../../src/log/sqlite-worker.js', import.meta.url)

/** The real worker, with messages recorded in both directions. */
function overheard(said: Request[], answered: Reply[], worker: Worker): LogWorker {
  worker.on('message', (reply: Reply) => answered.push(reply))
  return {
    postMessage(message: Request) {
      said.push(message)
      worker.postMessage(message)
    },
    on: (event: string, listener: (...args: never[]) => void) => worker.on(event, listener as never),
  } as LogWorker
}

t.test('all appends of one turn of the event loop are one message to the worker, and one back', async t => {
  const said: Request[] = []
  const answered: Reply[] = []
  const log = await openLog(t, {
    startWorker: workerData => overheard(said, answered, new Worker(LOG_WORKER, { workerData })),
  })
  answered.length = 0
  const appends: Promise<unknown>[] = []
  const appendMore = () => void appends.push(log.append([note(appends.length)]))
  appendMore()
  process.nextTick(appendMore)
  queueMicrotask(() => process.nextTick(appendMore))
  await Promise.resolve().then(appendMore)
  for (let i = 0; i < 200; i++) appendMore()
  await Promise.all(appends)
  t.same(
    said.map(({ call }) => call),
    ['commit'],
  )
  t.equal(answered.length, 1)
  const stored = numbers(await readAll(log, ['>']))
  t.equal(stored.length, 204)
  t.same(
    stored,
    stored.map((_, i) => i),
  )
})

t.test('appends that arrive while a group is being written form the next group', async t => {
  const said: Request[] = []
  const log = await openLog(t, {
    startWorker: workerData => overheard(said, [], new Worker(LOG_WORKER, { workerData })),
  })
  const first = log.append([note(0)])
  await new Promise(resolve => setImmediate(resolve))
  const later = [1, 2, 3].map(n => log.append([note(n)]))
  t.equal(said.length, 1)
  await Promise.all([first, ...later])
  t.equal(said.length, 2)
})

t.test('a group is unpacked as it was packed', async t => {
  const none = { agentId: null, status: null, taskId: null, parentId: null, createdAt: null }
  const draft = { type: 'custom:x', topic: 'tasks.t1.events', json: '{"ü":"\u{1f600}"}', taskId: null, agentId: null }
  const ops: AppendOp[] = [
    { at: 1, drafts: [] },
    { at: 2, expects: [{ draft: 0, version: 0 }], drafts: [{ ...draft, record: null }] },
    {
      at: 3,
      expects: [
        { draft: 0, version: 7 },
        { draft: 1, version: 0 },
      ],
      drafts: [{ ...draft, record: { ...none, expiresAt: null } }, draft],
    },
    {
      at: 4,
      drafts: [
        { ...draft, taskId: 't1', agentId: 'a1', record: { ...none, expiresAt: 5 } },
        {
          ...draft,
          record: { agentId: 'a1', status: 'open', taskId: 't1', parentId: 'p', createdAt: 0, expiresAt: null },
        },
        { ...draft, record: { ...none, createdAt: 9, expiresAt: 10 } },
      ],
    },
  ]
  t.same(unpackAppends(packAppends(ops)), ops)
  t.same(unpackAppends(structuredClone(packAppends(ops))), ops)
})
