import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { type NatsCommitStream, openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { seededRandom } from '../helpers/random.ts'
import { flawsOf, RivalWriter } from '../helpers/rival-writer.ts'
import { seed, size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

const KILLS = size('LEADER_KILLS', { quick: 1, full: 20 })
t.setTimeout(600_000)

t.test('two rival writers survive repeated kills of the stream leader, on three servers', async t => {
  const cluster = await NatsCluster.start(t)
  if (cluster === undefined) return
  const random = seededRandom(seed())
  const streams: NatsCommitStream[] = []
  for (const name of ['a', 'b', 'c']) {
    const servers = random.next() < 0.5 ? cluster.addresses : cluster.addresses.toReversed()
    const stream = await openNatsCommitStream({ servers, namespace: 'rivals', clock: systemClock })
    t.teardown(() => stream.close())
    streams.push(stream)
    t.equal(stream.epoch, streams[0]!.epoch, `${name} opens the same stream`)
  }
  const observer = streams.pop()!
  const rivals = streams.map((stream, n) => new RivalWriter(`w${n}`, stream, systemClock))
  let written = 0
  let isOver = false
  const work = rivals.map(async rival => {
    while (!isOver) {
      const { status } = await rival.step(random.next() < 0.01 ? 2_500_000 : random.below(2000))
      if (status === 'written') written++
      // Now and then the leading writer pauses, and the other replaces it.
      if (status !== 'written' || random.next() < 0.02) await rival.rest(random.below(60))
    }
  })
  const goOn = async (count: number) => {
    const target = written + count
    await until(() => written >= target)
  }
  await goOn(100)
  for (let kill = 0; kill < KILLS; kill++) {
    const leader = await until(() => observer.leader().catch(() => undefined))
    await cluster.kill(leader)
    await goOn(100)
    cluster.restart(leader)
    // The next kill would leave no majority before this server has caught up.
    await until(() => observer.isWhole().catch(() => false))
  }
  isOver = true
  await Promise.all(work)
  for (const rival of rivals) rival.stop()
  t.same(
    await flawsOf(observer, systemClock, rivals),
    [],
    'each writer knew what it had decided, and nothing is lost or duplicated',
  )
  const deposed = rivals.reduce((sum, rival) => sum + rival.deposed, 0)
  t.comment(`${KILLS} kills, ${written} commits, the writer was replaced ${deposed} times`)
  t.ok(deposed > 0)
})
