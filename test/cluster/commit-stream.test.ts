import { randomBytes } from 'node:crypto'
import t from 'tap'
import { systemClock as clock } from '../../src/clock.ts'
import { openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import { commitStreamContract } from '../contract/commit-stream.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'

t.setTimeout(120_000)
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

  t.test('a stream that is not as asked for is refused, and says what differs', async t => {
    const options = { servers: cluster.addresses, namespace: 'replicas', clock }
    const stream = await openNatsCommitStream({ ...options, replicas: 1 })
    await t.rejects(openNatsCommitStream(options), {
      code: 'FLW_ERR_CLUSTER_STREAM',
      message: /num_replicas is 1, and should be 3/,
    })
    await stream.destroy()
    await stream.close()
    await t.rejects(openNatsCommitStream({ ...options, namespace: 'a.b' }), TypeError)
  })
}
