import t from 'tap'
import { openReplicatedLog, type ReplicatedLogOptions } from '../../../../src/cluster/log/replicated-log.ts'
import { eventLogContract } from '../../../contract/event-log.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'
import { temporaryFolder } from '../../../helpers/log-folder.ts'
import { inSharedThread } from '../../../helpers/log-thread.ts'
import { MemoryCommitStream, MemoryStreamStore } from '../../../helpers/memory-commit-stream.ts'
import { MemoryLogWorker, MemoryReplica } from '../../../helpers/memory-log-worker.ts'

t.setTimeout(120_000)

/** `workerOf`: the worker that keeps the files of a folder; by default SQLite. */
function replicas(name: string, workerOf: (epoch: string) => Partial<ReplicatedLogOptions>): void {
  eventLogContract(t, name, async (t, { retention = { count: 1e9, ms: 1e12 } } = {}) => {
    const clock = new FakeClock()
    const open = async (store: MemoryStreamStore, options: Partial<ReplicatedLogOptions>) => {
      const stream = new MemoryCommitStream(store, clock)
      const node = { node: 'n1', address: '127.0.0.1:1' }
      const log = await openReplicatedLog({ stream, dir: temporaryFolder(t), clock, retention, node, ...options })
      t.teardown(() => log.close())
      await log.lead()
      return log
    }
    const store = new MemoryStreamStore('one')
    const files = { dir: temporaryFolder(t), ...workerOf('one') }
    let log = await open(store, files)
    return {
      log,
      async reopen() {
        await log.close()
        log = await open(store, files)
        return log
      },
      another: () => open(new MemoryStreamStore('two'), workerOf('two')),
      async elapse(ms) {
        clock.advance(ms)
        await log.retain()
      },
    }
  })
}

replicas('a replica of a stream in memory', () => ({ startWorker: inSharedThread }))
replicas('a replica in memory', epoch => ({
  startWorker: MemoryLogWorker.start(new MemoryReplica(epoch), setImmediate),
}))
