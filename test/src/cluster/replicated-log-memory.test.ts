import t from 'tap'
import { openReplicatedLog, type ReplicatedLogOptions } from '../../../src/cluster/replicated-log.ts'
import { eventLogContract } from '../../contract/event-log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { temporaryFolder } from '../../helpers/log-folder.ts'
import { MemoryCommitStream, MemoryStreamStore } from '../../helpers/memory-commit-stream.ts'

t.setTimeout(120_000)
eventLogContract(t, 'a replica of a stream in memory', async (t, { retention = { count: 1e9, ms: 1e12 } } = {}) => {
  const clock = new FakeClock()
  const open = async (store: MemoryStreamStore, options: Partial<ReplicatedLogOptions> = {}) => {
    const stream = new MemoryCommitStream(store, clock)
    const node = { node: 'n1', address: '127.0.0.1:1' }
    const log = await openReplicatedLog({ stream, dir: temporaryFolder(t), clock, retention, node, ...options })
    t.teardown(() => log.close())
    await log.lead()
    return log
  }
  const store = new MemoryStreamStore('one')
  const dir = temporaryFolder(t)
  let log = await open(store, { dir })
  return {
    log,
    async reopen() {
      await log.close()
      log = await open(store, { dir })
      return log
    },
    another: () => open(new MemoryStreamStore('two')),
    async elapse(ms) {
      clock.advance(ms)
      await log.retain()
    },
  }
})
