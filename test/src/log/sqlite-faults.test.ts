import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { FleetEvent } from '../../../src/log/event-log.ts'
import type { LogWorker } from '../../../src/log/sqlite-client.ts'
import { loadDriver } from '../../../src/log/sqlite-driver.ts'
import type { Reply } from '../../../src/log/sqlite-messages.ts'
import { append, commandDraft, note, numbers, readAll } from '../../contract/event-log-harness.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { openLog, temporaryFolder } from '../../helpers/log-folder.ts'

const LOG_WORKER = new URL('../../../src/log/sqlite-worker.js', import.meta.url)
const DYING_WORKER = new URL('../../helpers/dying-log-worker.js', import.meta.url)

const large = (n: number) => ({ ...note(n), payload: { n, text: 'x'.repeat(20_000) } })

t.test(
  '[ER5] on a full disk appends are unavailable and leave nothing behind; they work again once there is space',
  async t => {
    const clock = new FakeClock()
    const dir = temporaryFolder(t)
    const faults: Error[] = []
    const log = await openLog(t, {
      dir,
      clock,
      maxFileBytes: 2_000_000,
      retention: { count: 1e6, ms: 60_000 },
      onFault: fault => faults.push(fault),
    })
    const told: FleetEvent[] = []
    log.follow(events => told.push(...events))
    let accepted = 0
    for (let n = 0; ; n++) {
      const results = await Promise.all([
        log.append([large(n), large(n)]),
        log.append([large(n), commandDraft(`c${n}`)]),
      ])
      const refused = results.filter(result => result.status === 'unavailable')
      accepted += 2 * (results.length - refused.length)
      if (refused.length > 0) {
        t.equal(refused.length, 2, 'the whole transaction')
        t.match(refused[0], { retryAfterMs: 1000, reason: /full/ })
        break
      }
    }
    t.ok(accepted > 40)
    const head = log.head
    t.match(await log.append([large(-1)]), { status: 'unavailable' }, 'still')
    t.equal(log.head, head)
    t.equal(told.length, accepted, 'nobody was notified of events that are not stored')
    t.equal((await readAll(log, ['>'])).length, accepted, 'stored events can be read')

    clock.advance(120_000)
    await log.retain()
    const [event] = await append(log, note(7))
    t.equal(event!.seq, told[accepted - 1]!.seq + 1, 'a failed transaction uses no position')
    await log.close()
    t.same(numbers(await readAll(await openLog(t, { dir }), ['>'])), [7])
    t.same(faults, [], 'a full disk is reported to the callers of append')
  },
)

t.test('when its worker dies, the log is unavailable, and its owner is notified once', async t => {
  let worker!: Worker
  const faults: Error[] = []
  const dir = temporaryFolder(t)
  const clock = new FakeClock()
  const log = await openLog(t, {
    dir,
    clock,
    startWorker(workerData) {
      worker = new Worker(DYING_WORKER, { workerData })
      return worker
    },
    onFault: fault => faults.push(fault),
  })
  const told: FleetEvent[] = []
  log.follow(events => told.push(...events))
  await append(log, note(1))
  const asked = Promise.allSettled([log.get('agents.a1.status'), log.snapshot(['>'])])
  const waiting = [2, 3].map(n => log.append([note(n)]))
  worker.postMessage({ call: 'die' })
  await t.rejects(log.get('agents.a1.status'), { code: 'FLW_ERR_LOG_FAILED', message: /worker ended with code 7/ })
  t.same(
    (await asked).map(outcome => outcome.status),
    ['fulfilled', 'fulfilled'],
    'reads from before its death are answered',
  )
  for (const result of await Promise.all(waiting)) t.match(result, { status: 'unavailable', reason: /worker ended/ })
  t.match(await log.append([note(4)]), { status: 'unavailable', reason: /failed/ })
  await t.rejects(log.list({ kind: 'agent', limit: 1 }), { code: 'FLW_ERR_LOG_FAILED' })
  await t.rejects(log.read({ topics: ['>'], limit: 1 }), { code: 'FLW_ERR_LOG_FAILED' })
  await t.rejects(log.snapshot(['>']), { code: 'FLW_ERR_LOG_FAILED' })
  t.match(faults, [{ code: 'FLW_ERR_LOG_FAILED' }])
  t.equal(faults.length, 1)
  t.same(numbers(told), [1], 'nobody was notified of events that are not stored')
  t.equal(clock.pending, 0, 'retention has stopped')
  await log.close()
  await log.close()
  t.same(numbers(await readAll(await openLog(t, { dir }), ['>'])), [1], 'the lock was released with the worker')
})

t.test('an error that makes the file unreliable ends the log and its worker', async t => {
  const faults: Error[] = []
  const dir = temporaryFolder(t)
  let worker!: Worker
  const log = await openLog(t, {
    dir,
    // The real worker, except that its replies to commits are those of a broken disk.
    startWorker(workerData) {
      worker = new Worker(LOG_WORKER, { workerData })
      return failingCommits(worker)
    },
    onFault: fault => faults.push(fault),
  })
  const exited = once(worker, 'exit')
  const results = await Promise.all([log.append([note(1)]), log.append([note(2)])])
  for (const result of results) t.match(result, { status: 'unavailable', reason: /disk I\/O error/ })
  t.match(await log.append([note(3)]), { status: 'unavailable', reason: /disk I\/O error/ })
  t.match(faults, [{ code: 'FLW_ERR_LOG_FAILED', message: /disk I\/O error/ }])
  await exited
  await t.resolves(openLog(t, { dir }), 'the lock was released with the worker')
  await log.close()
})

function failingCommits(worker: Worker): LogWorker {
  return {
    postMessage: message => worker.postMessage(message),
    on(event: string, listener: (...args: never[]) => void) {
      worker.on(event, (value: unknown) => {
        const commit = event === 'message' && isCommitted(value as Reply)
        const reply: unknown = commit ? { status: 'error', message: 'disk I/O error', fatal: true } : value
        ;(listener as (value: unknown) => void)(reply)
      })
      return worker
    },
  } as LogWorker
}

const isCommitted = (reply: Reply) =>
  reply.status === 'ok' && typeof reply.value === 'object' && reply.value !== null && 'results' in reply.value

t.test('if the worker dies before it has opened the log, opening fails', async t => {
  const dying = openLog(t, { startWorker: () => new Worker('process.exit(7)', { eval: true }) })
  await t.rejects(dying, { code: 'FLW_ERR_LOG_OPEN', message: /worker ended/ })
})

t.test('beyond a limit, appends that wait for a stalled disk are unavailable', async t => {
  const log = await openLog(t, { maxQueueBytes: 100_000 })
  const results = await Promise.all(Array.from({ length: 20 }, (_, n) => log.append([large(n)])))
  const refused = results.filter(result => result.status === 'unavailable')
  t.ok(refused.length >= 10, `${refused.length} refused`)
  t.match(refused[0], { reason: /are waiting for the disk/ })
  t.equal((await readAll(log, ['>'])).length, 20 - refused.length)
  await append(log, { ...note(1), payload: 'x'.repeat(200_000) })
})

t.test('a batch of many large appends is stored in order', async t => {
  const log = await openLog(t)
  const told: FleetEvent[] = []
  log.follow(events => told.push(...events))
  const appends = Array.from({ length: 700 }, (_, n) => append(log, n % 7 === 0 ? large(n) : note(n)))
  await Promise.all(appends)
  t.same(
    numbers(told),
    appends.map((_, n) => n),
  )
})

t.test('an error thrown by a follower is reported each time', async t => {
  const faults: Error[] = []
  const log = await openLog(t, { onFault: fault => faults.push(fault) })
  const broken = new Error('broken follower')
  log.follow(() => {
    throw broken
  })
  log.follow(() => {
    throw 'not even an error'
  })
  await append(log, note(1))
  await append(log, note(2))
  t.equal(faults.length, 4)
  t.equal(faults[0], broken)
  t.equal(faults[1]!.message, 'not even an error')
})

t.test('retention runs by itself, in chunks, while appends continue', async t => {
  const clock = new FakeClock()
  const dir = temporaryFolder(t)
  const log = await openLog(t, { dir, clock, retention: { count: 100, ms: 1e9 }, retentionIntervalMs: 5000 })
  await append(log, ...Array.from({ length: 400 }, (_, n) => note(n, `tasks.t${n % 50}.events`)))
  await append(log, ...Array.from({ length: 600 }, (_, n) => note(n + 400)))
  clock.advance(4999)
  t.equal((await readAll(log, ['>'])).length, 1000)
  clock.advance(1)
  const order: string[] = []
  const swept = log.retain().then(() => order.push('swept'))
  await append(log, note(1000)).then(() => order.push('appended'))
  await swept
  t.same(order, ['appended', 'swept'], 'an append waits for one chunk, not for all of them')
  t.same(
    numbers(await readAll(log, ['>'])),
    Array.from({ length: 100 }, (_, n) => n + 901),
  )
  await log.close()
  const db = (await loadDriver()).open(`${dir}/fleetwire.db`, { readOnly: true })
  t.match(db.prepare('SELECT floor, events FROM meta').get(), { floor: 901, events: 100 })
  t.match(db.prepare('SELECT count(*) AS n FROM names').get(), { n: 2 }, 'unreferenced names are gone')
  db.close()
})

t.test('a topic that was new in a failed transaction is still new in the next', async t => {
  const log = await openLog(t, { maxFileBytes: 1_000_000 })
  const draft = note(1, 'tasks.new.events')
  t.match(await log.append([draft, { ...note(2), payload: 'x'.repeat(2_000_000) }]), { status: 'unavailable' })
  await append(log, draft)
  t.same(numbers(await readAll(log, ['tasks.new.>'])), [1])
})

t.test('an event is kept for the full retention time', async t => {
  const clock = new FakeClock()
  const log = await openLog(t, { clock, retention: { count: 1e6, ms: 1000 }, retentionIntervalMs: 1e9 })
  await append(log, note(1))
  clock.advance(1000)
  await log.retain()
  t.same(numbers(await readAll(log, ['>'])), [1])
  clock.advance(1)
  await log.retain()
  t.same(await readAll(log, ['>']), [])
})

t.test('a name that retention removed can return', async t => {
  const clock = new FakeClock()
  const log = await openLog(t, { clock, retention: { count: 1e6, ms: 1000 } })
  for (let round = 0; round < 3; round++) {
    await append(log, note(round, 'tasks.t1.events'), note(round, 'tasks.t2.events'))
    t.same(numbers(await readAll(log, ['tasks.t1.*'])), [round])
    clock.advance(5000)
    await log.retain()
    t.same(await readAll(log, ['>']), [])
  }
})
