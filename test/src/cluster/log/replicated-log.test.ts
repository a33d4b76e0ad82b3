import { once } from 'node:events'
import { openSync, readdirSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import {
  type Leader,
  openReplicatedLog,
  type ReplicatedLogOptions,
} from '../../../../src/cluster/log/replicated-log.ts'
import type { EventLog, FleetEvent } from '../../../../src/log/event-log.ts'
import { loadDriver } from '../../../../src/log/sqlite-driver.ts'
import { append, commandDraft, note, numbers, plain, readAll } from '../../../contract/event-log-harness.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'
import { openLog, temporaryFolder } from '../../../helpers/log-folder.ts'
import { inSharedThread } from '../../../helpers/log-thread.ts'
import { MemoryCommitStream, MemoryStreamStore, type StreamFaults } from '../../../helpers/memory-commit-stream.ts'
import { seededRandom } from '../../../helpers/random.ts'

const DYING_WORKER = new URL('../../../helpers/dying-log-worker.js', import.meta.url)

t.setTimeout(120_000)

/** Nodes on one stream. */
function nodes(t: Test, store = new MemoryStreamStore()) {
  const clock = new FakeClock()
  const open = async (
    name: string,
    { faults = {}, ...options }: Partial<ReplicatedLogOptions> & { faults?: Partial<StreamFaults> } = {},
  ) => {
    const stream = new MemoryCommitStream(store, clock, seededRandom(1), faults)
    const dir = options.dir ?? temporaryFolder(t)
    const notes: string[] = []
    const faulty: Error[] = []
    const leaders: (Leader | undefined)[] = []
    const log = await openReplicatedLog({
      ...{ stream, dir, clock, retention: { count: 1e9, ms: 1e12 }, node: { node: name, address: `${name}:1` } },
      startWorker: inSharedThread,
      onNote: said => notes.push(said),
      onFault: fault => faulty.push(fault),
      ...options,
    })
    log.onLeader(() => leaders.push(log.leader))
    t.teardown(() => log.close())
    const told: FleetEvent[] = []
    log.follow(events => told.push(...events))
    return { log, stream, dir, told, notes, faults: faulty, leaders }
  }
  /** Lets time pass until the condition holds. */
  const until = async <T>(look: () => T | false | undefined): Promise<T> => {
    for (;;) {
      const found = look()
      if (found !== undefined && found !== false) return found
      clock.advance(50)
      await turn()
    }
  }
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    promise.then(settle, settle)
    await until(() => isSettled)
    return promise
  }
  return { clock, store, open, until, settled }
}

const stateOf = async (log: EventLog) => ({
  head: log.head,
  events: (await readAll(log, ['>'], 1000)).map(plain),
  records: (await log.snapshot(['>'])).records.map(plain),
})

t.test('[RS7] a replica has everything only if a server that still leads says so', async t => {
  const { open, until, settled, clock } = nodes(t)
  const a = await open('a')
  const b = await open('b')
  await a.log.lead()
  await append(a.log, note(1))
  t.equal(await settled(b.log.hasAll()), true)
  t.equal(b.log.head, a.log.head, 'it has fetched what was missing')
  const { reach } = b.stream
  // Cut off from the others since two seconds ago.
  const at = clock.monotonic() - 2000
  b.stream.reach = async () => ({ ...(await reach.call(b.stream)), agoMs: clock.monotonic() - at })
  const asked = clock.monotonic()
  t.equal(await settled(b.log.hasAll()), false)
  t.ok(clock.monotonic() - asked >= 3000, 'it waited, because the server may hear the others again')
  // It hears them every second.
  b.stream.reach = async () => ({ ...(await reach.call(b.stream)), agoMs: clock.monotonic() % 1000 })
  t.equal(await settled(b.log.hasAll()), true)
  b.stream.reach = reach
  b.stream.isCut = true
  t.equal(await settled(b.log.hasAll()), false)
  b.stream.isCut = false
  await append(a.log, note(2))
  await until(() => b.log.head === a.log.head)
})

t.test('what one node appends, the others store and deliver with the same positions', async t => {
  const { open, until } = nodes(t)
  const a = await open('a')
  const b = await open('b')
  t.match(await b.log.append([note(1)]), { status: 'unavailable', reason: /does not lead/ })
  t.equal(await a.log.lead(), true)
  t.equal(await a.log.lead(), true, 'already leading')
  for (let n = 1; n <= 5; n++) await append(a.log, { ...note(n), taskId: 't1', agentId: 'a1' }, commandDraft(`c${n}`))
  await append(a.log, commandDraft('c1', { status: 'running' }))
  await append(a.log, { ...commandDraft('c2'), record: 'delete' })
  await until(() => b.log.head === a.log.head)
  t.same(b.told.map(plain), a.told.map(plain))
  t.same(await stateOf(b.log), await stateOf(a.log))
  t.same(b.log.leader, { node: 'a', address: 'a:1', term: 1 })
  t.same(b.leaders, [{ node: 'a', address: 'a:1', term: 1 }])
})

t.test('a lagging replica catches up later, once and in order', async t => {
  const { open, until } = nodes(t)
  // The events that retention writes would also reveal the gap.
  const a = await open('a', { retentionIntervalMs: 1e9 })
  const b = await open('b')
  await a.log.lead()
  await append(a.log, note(1))
  await until(() => b.told.length === 1)
  b.stream.isCut = true
  for (let n = 2; n <= 200; n++) await append(a.log, note(n))
  t.same(numbers(b.told), [1])
  t.same(await b.log.read({ topics: ['>'], after: a.log.head, limit: 1 }), { status: 'gone', reason: 'ahead' })
  b.stream.isCut = false
  // Nothing more is written: the periodic look at the end of the stream finds what was not delivered.
  await until(() => b.told.length === 200)
  t.same(b.told.map(plain), a.told.map(plain))
  b.stream.isCut = true
  await append(a.log, note(201))
  b.stream.isCut = false
  await append(a.log, note(202))
  await until(() => b.told.length === 202)
  t.same(numbers(b.told).slice(200), [201, 202], 'and by what comes after a gap')
  t.same(await stateOf(b.log), await stateOf(a.log))
})

t.test('an append whose response is lost is written once, and resolves when the outcome is known', async t => {
  for (const faults of [{ mute: 0.7 }, { lost: 0.7 }, { late: 0.7 }, { refused: 0.7 }, { mute: 0.5, stale: 0.5 }]) {
    const { open, settled, store } = nodes(t)
    const a = await open('a', { faults, appendTimeoutMs: 1e9 })
    await settled(a.log.lead())
    for (let n = 1; n <= 10; n++) t.match(await settled(a.log.append([note(n)])), { status: 'ok' })
    t.same(numbers(a.told), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], JSON.stringify(faults))
    const written = store.parts.filter(({ data }) => Buffer.from(data).includes('appends'))
    t.equal(written.length, 10, 'each once')
    t.same(numbers(await readAll(a.log, ['>'])), numbers(a.told))
  }
})

t.test('without a response appends are unavailable, and say whether they may nevertheless be written', async t => {
  const { open, until, settled } = nodes(t)
  const a = await open('a', { appendTimeoutMs: 5000 })
  const b = await open('b')
  await a.log.lead()
  a.stream.isCut = true
  const first = a.log.append([note(1)])
  await turn()
  const second = a.log.append([note(2)])
  let isRefused = false
  void second.then(() => {
    isRefused = true
  })
  t.match(await settled(first), {
    ...{ status: 'unavailable', retryAfterMs: 1000, reason: /may still be written/, mayBeWritten: true },
  })
  await turn()
  t.equal(isRefused, true, 'nobody waits longer than the first did')
  t.match(await settled(second), { status: 'unavailable', reason: /nothing was written/, mayBeWritten: undefined })
  t.equal(a.log.isLeading, true, 'an election of the stream deposes nobody')
  let isSettled = false
  const settling = a.log.settled().then(async () => {
    isSettled = true
    return numbers(await readAll(a.log, ['>']))
  })
  await turn()
  t.equal(isSettled, false, 'the outcome of the first is not known')
  a.stream.isCut = false
  await until(() => b.told.length === 1)
  t.same(await settled(settling), [1], 'until the stream reveals it')
  t.same(numbers(b.told), [1], 'the append under way was completed')
  await until(() => a.told.length === 1)
  await append(a.log, note(3))
  t.same(numbers(a.told), [1, 3], 'and the other one was discarded')
  t.same(numbers(await readAll(a.log, ['>'])), [1, 3])
})

t.test('a replaced writer appends nothing more, and follows', async t => {
  const { open, until, settled, clock } = nodes(t)
  const a = await open('a', { appendTimeoutMs: 1e9 })
  const b = await open('b')
  await a.log.lead()
  await append(a.log, commandDraft('c1'))
  a.stream.isCut = true
  const lost = a.log.append([commandDraft('c1', { status: 'running' }), note(1)])
  t.equal(await settled(b.log.lead()), true)
  const { version } = (await b.log.get('agents.a1.commands.c1'))!
  await append(b.log, commandDraft('c1', { status: 'cancelled' }, { expect: version }))
  t.equal(a.log.isLeading, true, 'it does not know yet')
  a.stream.isCut = false
  t.match(await settled(lost), { status: 'unavailable', reason: /another node leads/ })
  t.equal(a.log.isLeading, false)
  t.match(await a.log.append([note(2)]), { status: 'unavailable' })
  await until(() => a.log.head === b.log.head)
  t.same(await stateOf(a.log), await stateOf(b.log))
  t.same(a.log.leader, { node: 'b', address: 'b:1', term: 2 })
  t.same(a.told.map(plain), b.told.map(plain))

  clock.jump(-60_000)
  t.equal(await a.log.lead(), true, 'and it may lead again')
  const [event] = await append(a.log, note(3))
  t.ok(event!.at >= b.told.at(-1)!.at, 'time does not run backwards with a slow clock')
  t.match(await settled(b.log.append([note(4)])), { status: 'unavailable' })
  await until(() => b.log.head === a.log.head)
  t.same(await stateOf(b.log), await stateOf(a.log))
})

t.test('time does not run backwards when a node restarts on its replica with a clock that was set back', async t => {
  const { clock, open } = nodes(t)
  const a = await open('a')
  await a.log.lead()
  const [before] = await append(a.log, note(1))
  await a.log.close()
  clock.jump(-3_600_000)
  const again = await open('a', { dir: a.dir })
  await again.log.lead()
  const [after] = await append(again.log, note(2))
  t.ok(after!.at >= before!.at, `${after!.at} after ${before!.at}`)
})

t.test('of two nodes that take over at the same time, one leads', async t => {
  const { open, settled, until } = nodes(t)
  const faults = { delayMs: 50 }
  const [a, b] = [await settled(open('a', { faults })), await settled(open('b', { faults }))]
  const led = await settled(Promise.all([a.log.lead(), b.log.lead()]))
  t.same(led.toSorted(), [false, true])
  await until(() => a.log.leader?.term === 1 && b.log.leader?.term === 1)
  t.same(a.log.leader, b.log.leader)
})

t.test('a node that resigns first settles the appends that it accepted', async t => {
  const { open } = nodes(t)
  const a = await open('a')
  const b = await open('b')
  await a.log.lead()
  const appends = [1, 2, 3].map(n => a.log.append([note(n)]))
  await a.log.resign()
  for (const result of await Promise.all(appends)) t.equal(result.status, 'ok')
  t.match(await a.log.append([note(4)]), { status: 'unavailable' })
  t.equal(a.log.leader, undefined, 'the stream shows it')
  t.equal(await b.log.lead(), true)
  t.equal(b.log.term, 3)
  t.same(numbers(await readAll(b.log, ['>'])), [1, 2, 3])
})

t.test('a node that stops leading during a commit leads again only when the outcome is known', async t => {
  const { open, until, settled } = nodes(t)
  const a = await open('a', { appendTimeoutMs: 5000 })
  await a.log.lead()
  a.stream.isCut = true
  const first = a.log.append([note(1)])
  await turn()
  const second = a.log.append([note(2)])
  await a.log.resign(false)
  t.equal(a.log.isLeading, false, 'at once')
  const leading = a.log.lead()
  t.match(await settled(first), { status: 'unavailable', reason: /may still be written/ })
  t.match(await settled(second), { status: 'unavailable', reason: /nothing was written|another node leads/ })
  a.stream.isCut = false
  t.equal(await settled(leading), true)
  t.equal(a.log.term, 2)
  await append(a.log, note(3))
  await until(() => a.told.length === 2)
  t.same(numbers(a.told), [1, 3])
})

t.test('[NO27] a node catches up with events that only others were notified of, and says when it cannot', async t => {
  const { open, settled } = nodes(t)
  const a = await open('a')
  const b = await open('b', { faults: { untold: 1 } })
  await a.log.lead()
  await append(a.log, note(1))
  t.same(numbers(b.told), [], 'it was not notified')
  await settled(Promise.all([b.log.catchUp(), b.log.catchUp()]).then(() => true))
  t.same(numbers(b.told), [1])
  // A catch-up that began before something was stored does not cover it.
  const early = b.log.catchUp()
  await append(a.log, note(2))
  const late = b.log.catchUp()
  await settled(Promise.all([early, late]).then(() => true))
  t.same(numbers(b.told), [1, 2])
  b.stream.isCut = true
  const cut = b.log.catchUp().then(
    () => 'caught up',
    () => 'not known',
  )
  t.equal(await settled(cut), 'not known')
  b.stream.isCut = false
  await append(a.log, note(3))
  await settled(b.log.catchUp().then(() => true))
  t.same(numbers(b.told), [1, 2, 3], 'a failed catch-up does not affect the next one')
})

t.test('retention is part of the stream: all replicas remove the same events', async t => {
  const { open, until, clock, store } = nodes(t)
  const retention = { count: 3, ms: 1e9 }
  const a = await open('a', { retention })
  const b = await open('b', { retention })
  await a.log.lead()
  await append(a.log, { ...commandDraft('c1'), expiresAt: clock.now() + 1000 })
  for (let n = 1; n <= 8; n++) await append(a.log, note(n))
  clock.advance(5000)
  await a.log.retain()
  const written = store.parts.length
  await a.log.retain()
  t.equal(store.parts.length, written, 'a run that removes nothing is not written')
  await until(() => b.log.position === a.log.position)
  await b.log.sync()
  t.same(numbers(await readAll(b.log, ['>'])), [6, 7, 8])
  t.same(await stateOf(b.log), await stateOf(a.log))
  await b.log.retain()
  t.equal(store.parts.length, written, 'a node that does not lead removes nothing')
})

t.test('a replica that is damaged, foreign or may have lost something is rebuilt', async t => {
  const { open } = nodes(t)
  const a = await open('a')
  await a.log.lead()
  await append(a.log, ...Array.from({ length: 50 }, (_, n) => note(n)))
  const whole = await stateOf(a.log)
  const spoil: Record<string, (path: string) => Promise<void> | void> = {
    'not a database': path => void writeSync(openSync(path, 'r+'), 'nothing of that kind', 0),
    'a page of it': path =>
      void writeSync(openSync(path, 'r+'), Buffer.alloc(statSync(path).size - 8192), 0, null, 8192),
    'another stream': async path => (await loadDriver()).open(path).exec("UPDATE meta SET epoch = 'other'"),
    'the machine went down': async path => (await loadDriver()).open(path).exec("UPDATE replica SET boot = 'before'"),
  }
  for (const [how, damage] of Object.entries(spoil)) {
    const b = await open('b')
    t.same(await stateOf(b.log), whole)
    await b.log.close()
    await damage(join(b.dir, 'fleetwire.db'))
    const again = await open('b', { dir: b.dir })
    t.same(await stateOf(again.log), whole, how)
    t.equal(again.notes.length, 1, again.notes.join())
    await again.log.close()
    const clean = await open('b', { dir: b.dir })
    t.same(clean.notes, [], 'and is kept')
    await clean.log.close()
  }
})

t.test('a checkpoint replaces the older part of the stream', async t => {
  const { open, until, store, settled } = nodes(t)
  const a = await open('a')
  const behind = await open('b')
  await a.log.lead()
  for (let n = 1; n <= 20; n++) await append(a.log, note(n), commandDraft(`c${n}`))
  await until(() => behind.log.head === a.log.head)
  await behind.log.close()
  t.equal(await behind.log.checkpoint(), false, 'a node that does not lead makes none')
  // Appends continue in the meantime.
  const [made] = await Promise.all([a.log.checkpoint(), append(a.log, note(21))])
  t.equal(made, true)
  const [first] = store.checkpoints.keys()
  t.equal(store.first, first! + 1)
  for (let n = 22; n <= 30; n++) await append(a.log, note(n))
  t.equal(await a.log.checkpoint(), true)
  t.equal(store.checkpoints.size, 2)
  t.equal(store.first, first! + 1, 'what the older checkpoint needs stays')
  await append(a.log, note(31))
  t.equal(await a.log.checkpoint(), true)
  t.equal(store.checkpoints.size, 2)
  t.notOk(store.checkpoints.has(first!))
  await append(a.log, note(32))

  const whole = await stateOf(a.log)
  // The servers that are queried first know of no checkpoints yet.
  store.unlisted = 2
  const fresh = await settled(open('c'))
  t.same(await stateOf(fresh.log), whole, 'a new node')
  t.match(fresh.notes, [/built from the checkpoint/])
  t.equal(await fresh.log.lead(), true)
  await append(fresh.log, note(33))
  await until(() => a.log.head === fresh.log.head)

  const again = await open('b', { dir: behind.dir })
  t.same(await stateOf(again.log), await stateOf(a.log), 'a node that was away for longer than the stream reaches back')

  const newest = Math.max(...store.checkpoints.keys())
  store.checkpoints.set(newest, Buffer.from('damaged'))
  const older = await open('d')
  t.same(await stateOf(older.log), await stateOf(a.log), 'the previous checkpoint if the newest is damaged')
  store.checkpoints.clear()
  await t.rejects(settled(open('e')), { code: 'FLW_ERR_CLUSTER_STREAM', message: /no checkpoint/ })
})

t.test(
  'a replica cut off until the stream begins after it has failed, and is complete after its next start',
  async t => {
    const { open, until } = nodes(t)
    const a = await open('a')
    const b = await open('b')
    await a.log.lead()
    await append(a.log, note(1))
    await until(() => b.told.length === 1)
    b.stream.isCut = true
    await append(a.log, note(2))
    await a.log.checkpoint()
    await append(a.log, note(3))
    b.stream.isCut = false
    await until(() => b.faults.length === 1)
    t.match(b.faults, [{ code: 'FLW_ERR_LOG_FAILED', message: /begins at/ }])
    await b.log.close()
    t.same(await stateOf((await open('b', { dir: b.dir })).log), await stateOf(a.log))
  },
)

t.test('if a replica has more than the stream, the servers have lost something, and the stream counts', async t => {
  const { open, store, settled } = nodes(t)
  const a = await open('a')
  await a.log.lead()
  await append(a.log, note(1))
  await append(a.log, note(2))
  await a.log.close()
  store.parts.pop()
  const again = await settled(open('a', { dir: a.dir }))
  t.match(again.notes, [/the servers lost/])
  t.same(numbers(await readAll(again.log, ['>'])), [1])
})

t.test('a standalone log is never replaced by a replica', async t => {
  const { open } = nodes(t)
  const dir = temporaryFolder(t)
  const own = await openLog(t, { dir })
  await append(own, note(1))
  await own.close()
  await t.rejects(open('a', { dir }), { code: 'FLW_ERR_LOG_OPEN', message: /an independent log/ })
  t.same(numbers(await readAll(await openLog(t, { dir }), ['>'])), [1])
})

t.test('a replica whose thread dies has failed, its node is notified once, and another node continues', async t => {
  const { open, until } = nodes(t)
  let worker!: Worker
  const a = await open('a', {
    startWorker(workerData) {
      worker = new Worker(DYING_WORKER, { workerData })
      return worker
    },
  })
  const b = await open('b')
  await a.log.lead()
  await append(a.log, note(1))
  const exit = once(worker, 'exit')
  worker.postMessage({ call: 'die' })
  const caught = a.log.append([note(2)])
  await exit
  t.match(await caught, { status: 'unavailable', reason: /may still be written|failed/ })
  t.match(await a.log.append([note(3)]), { status: 'unavailable' })
  t.equal(a.log.isLeading, false)
  t.match(a.faults, [{ code: 'FLW_ERR_LOG_FAILED' }])
  t.equal(await b.log.lead(), true)
  await append(b.log, note(4))
  await until(() => b.told.length >= 2)
  t.match(numbers(b.told), [1])
  const again = await open('a', { dir: a.dir })
  t.same(await stateOf(again.log), await stateOf(b.log))
  t.same(
    readdirSync(a.dir).filter(name => name.endsWith('.new')),
    [],
  )
})

t.test('a commit in an unknown format stops the replica before anything is misread', async t => {
  const { open, until, store } = nodes(t)
  const a = await open('a')
  await a.log.lead()
  await append(a.log, note(1))
  const b = await open('b')
  const data = Buffer.from(JSON.stringify({ v: 2, kind: 'else' }))
  store.append({ commitId: 'x', part: 0, parts: 1, data }, store.last)
  await until(() => b.faults.length > 0)
  t.match(b.faults, [{ code: 'FLW_ERR_LOG_FAILED', message: /format 2/ }])
  t.same(numbers(await readAll(b.log, ['>'])), [1], 'what it has can be read')
})
