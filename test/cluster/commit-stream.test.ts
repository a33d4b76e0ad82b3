import { randomBytes } from 'node:crypto'
import t from 'tap'
import { systemClock as clock } from '../../src/clock.ts'
import { openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import { commitStreamContract } from '../contract/commit-stream.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(120_000)
const SERVERS = ['n1', 'n2', 'n3']
const cluster = await NatsCluster.start(t)
if (cluster !== undefined) {
  commitStreamContract(t, 'three servers', async t => {
    const namespace = randomBytes(6).toString('hex')
    const open = async (servers: string[]) => {
      const stream = await openNatsCommitStream({ servers, namespace, clock })
      t.teardown(() => stream.close())
      return stream
    }
    const [stream, other] = [await open(cluster.addresses), await open(cluster.addresses.toReversed())]
    t.teardown(() => stream.destroy())
    return { stream, other }
  })

  t.test('a stream with other settings than requested is refused, with the differences', async t => {
    const options = { servers: cluster.addresses, namespace: 'replicas', clock }
    const stream = await openNatsCommitStream({ ...options, replicas: 1 })
    await t.rejects(openNatsCommitStream(options), {
      code: 'FLW_ERR_CLUSTER_STREAM',
      message: /num_replicas is 1, but should be 3/,
    })
    await stream.destroy()
    await stream.close()
    await t.rejects(openNatsCommitStream({ ...options, namespace: 'a.b' }), TypeError)
  })

  t.test('a server without a majority does not speak for the stream', async t => {
    const stream = await openNatsCommitStream({ servers: cluster.addresses, namespace: 'alone', clock })
    t.teardown(() => stream.close())
    await until(() => stream.isWhole().catch(() => false))
    const leader = await stream.leader()
    const others = SERVERS.filter(name => name !== leader)
    t.ok((await stream.reach()).agoMs < 10_000)
    for (const name of [leader!, others[0]!]) await cluster.kill(name)
    // After some seconds it responds, names no leader, and claims that it heard the others 0 ms ago.
    await until(async () => (await stream.leader().catch(() => 'unknown')) === undefined)
    await t.rejects(stream.reach(), /no leader/)
    t.same((await stream.bounds().catch(() => undefined))?.first, undefined)
    for (const name of [leader!, others[0]!]) cluster.restart(name)
    await until(() => stream.reach().catch(() => undefined))
    t.match(await until(() => stream.bounds().catch(() => undefined)), { first: 1, last: 0 })
  })
}
