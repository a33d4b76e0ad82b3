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
import { inFull, size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(120_000)

const CALLERS = 64
/** Each phase appends this many events, or twice as many. */
const APPENDS = size('LEADER_APPENDS', { quick: 300, full: 1000 })

/** Where two lists first differ. */
const differs = (some: readonly number[], others: readonly number[]): string | undefined => {
  const at = Array.from({ length: Math.max(some.length, others.length) }, (_, i) => i).find(i => some[i] !== others[i])
  return at === undefined ? undefined : `${some[at]} in place of ${others[at]} at ${at}`
}

const cluster = await NatsCluster.start(t)
if (cluster !== undefined) {
  const servers = cluster.addresses
  t.test('no append is lost or duplicated when the server that leads the stream is killed', async t => {
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
    let [n, end] = [0, 0]
    /** Many callers append this many more in total. */
    const goOn = (count: number) => {
      end += count
      return Promise.all(
        Array.from({ length: CALLERS }, async () => {
          while (n < end) await append(a.log, note(++n))
        }),
      )
    }
    await goOn(APPENDS)
    await until(() => a.log.checkpoint())
    const leader = await until(() => b.stream.leader().catch(() => undefined))
    let killed: Promise<void> | undefined
    const unfollow = a.log.follow(() => {
      killed ??= cluster.kill(leader)
    })
    await goOn(2 * APPENDS)
    await killed
    unfollow()
    // With two servers of three, once the streams of the killed leader have new leaders; appends continue in the
    // meantime.
    const checkpoint = until(() => a.log.checkpoint())
    await goOn(CALLERS)
    await checkpoint
    // The stream begins where the checkpoint ends.
    await until(async () => (await a.stream.bounds().catch(() => ({ first: 0 }))).first! > 1)
    const c = await open('c')
    const before = c.log.head
    cluster.restart(leader)
    await goOn(APPENDS)
    const all = Array.from({ length: n }, (_, i) => i + 1)
    t.equal(differs(a.told, all), undefined, 'each once, in the order of the calls')
    await until(() => b.log.head === a.log.head && c.log.head === a.log.head)
    t.equal(differs(b.told, all), undefined)
    t.equal(differs(numbers(await readAll(c.log, ['>'], 1000)), all), undefined, 'a new node has the same events')
    const later = numbers(await readAll(c.log, ['>'], 1000, before))
    t.equal(differs(c.told, later), undefined, 'and was notified of the events since it opened')
    t.equal(a.log.isLeading, true)
    await a.stream.destroy()
  })

  eventLogContract(
    t,
    'three servers',
    async (t, { retention = { count: 1e9, ms: 1e12 } } = {}) => {
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
    },
    // A replica of a stream in memory runs the same tests, and test/cluster/commit-stream.test.ts compares the streams.
    inFull,
    inFull,
  )
}
