import { randomBytes } from 'node:crypto'
import t from 'tap'
import { openNatsCommitStream } from '../../src/cluster/nats-commit-stream.ts'
import { openReplicatedLog, type ReplicatedLogOptions } from '../../src/cluster/replicated-log.ts'
import { eventLogContract } from '../contract/event-log.ts'
import { temporaryFolder } from '../helpers/log-folder.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { ShiftedClock } from '../helpers/shifted-clock.ts'

t.setTimeout(120_000)
const cluster = await NatsCluster.start(t)
if (cluster !== undefined) {
  const servers = cluster.addresses
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
      const log = await openReplicatedLog({ clock, retention, node: { node: 'n1', address: '' }, ...options })
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
