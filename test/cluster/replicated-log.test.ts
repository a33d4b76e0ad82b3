import { randomBytes } from 'node:crypto'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { openReplicatedLog, type ReplicatedLogOptions } from '../../src/cluster/log/replicated-log.ts'
import { openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import { eventLogContract } from '../contract/event-log.ts'
import { append, note, numbers, readAll } from '../contract/event-log-harness.ts'
import { temporaryFolder } from '../helpers/log-folder.ts'
import { inSharedThread } from '../helpers/log-thread.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { ShiftedClock } from '../helpers/shifted-clock.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(120_000)
const cluster = await NatsCluster.start(t)
if (cluster !== undefined) {
  const servers = cluster.addresses
  t.test('no append is lost and none is there twice when the server that leads the stream is killed', async t => {
    const clock = systemClock
    const open = async (node: string) => {
      const stream = await openNatsCommitStream({ servers, namespace: 'kill', clock })
      t.teardown(() => stream.close())
      const options = {
        stream,
        dir: temporaryFolder(t),
        clock,
        retention: { count: 1e9, ms: 1e12 },
        startWorker: inSharedThread,
      }
      const log = await openReplicatedLog({ ...options, node: { node, address: '' }, appendTimeoutMs: 60_000 })
      t.teardown(() => log.close())
      const told: number[] = []
      log.follow(events => told.push(...numbers(events)))
      return { log, stream, told }
    }
    const [a, b] = [await open('a'), await open('b')]
    await a.log.lead()
    let n = 0
    let isOver = false
    const callers = Array.from({ length: 64 }, async () => {
      while (!isOver) await append(a.log, note(++n))
    })
    await until(() => a.told.length > 1000)
    await until(() => a.log.checkpoint())
    const leader = await until(() => b.stream.leader().catch(() => undefined))
    await cluster.kill(leader)
    await until(() => a.told.length > 3000)
    // With two servers of three, once what the killed one led has other leaders.
    await until(() => a.log.checkpoint())
    // The stream begins where the checkpoint ends.
    await until(async () => (await a.stream.bounds().catch(() => ({ first: 0 }))).first! > 1)
    const c = await open('c')
    const before = c.log.head
    cluster.restart(leader)
    await until(() => a.told.length > 4000)
    isOver = true
    await Promise.all(callers)
    t.same(
      a.told,
      Array.from({ length: n }, (_, i) => i + 1),
      'each once, in the order of the calls',
    )
    await until(() => b.log.head === a.log.head && c.log.head === a.log.head)
    t.same(b.told, a.told)
    t.same(numbers(await readAll(c.log, ['>'], 1000)), a.told, 'what a new node has')
    t.same(c.told, numbers(await readAll(c.log, ['>'], 1000, before)), 'and was told of since it opened')
    t.equal(a.log.isLeading, true)
    await a.stream.destroy()
  })

  eventLogContract(t, 'three servers', async (t, { retention = { count: 1e9, ms: 1e12 } } = {}) => {
    const clock = new ShiftedClock()
    const openStream = async () => {
      const namespace = randomBytes(6).toString('hex')
      const stream = await openNatsCommitStream({ servers, namespace, clock })
      t.teardown(async () => {
        await stream.destroy()
        await stream.close()
      })
      return stream
    }
    const open = async (options: Pick<ReplicatedLogOptions, 'stream' | 'dir'>) => {
      const log = await openReplicatedLog({
        ...{ clock, retention, node: { node: 'n1', address: '' }, startWorker: inSharedThread, ...options },
      })
      t.teardown(() => log.close())
      await log.lead()
      return log
    }
    const options = { stream: await openStream(), dir: temporaryFolder(t) }
    let log = await open(options)
    return {
      log,
      async reopen() {
        await log.close()
        log = await open(options)
        return log
      },
      another: async () => open({ stream: await openStream(), dir: temporaryFolder(t) }),
      async elapse(ms) {
        clock.advance(ms)
        await log.retain()
      },
    }
  })
}
