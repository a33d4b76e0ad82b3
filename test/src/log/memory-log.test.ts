import t from 'tap'
import { eventLogContract } from '../../contract/event-log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { MemoryLog } from '../../helpers/memory-log.ts'
import { MemoryStore } from '../../helpers/memory-store.ts'

let logs = 0

eventLogContract(t, 'memory', async (_t, options = {}) => {
  const clock = new FakeClock()
  const fresh = () => new MemoryStore(`memory${++logs}`)
  const open = (store: MemoryStore) => new MemoryLog({ store, clock, onFault: () => {}, ...options })
  const store = fresh()
  let log = open(store)
  return {
    log,
    async reopen() {
      await log.close()
      log = open(store)
      return log
    },
    another: async () => open(fresh()),
    async elapse(ms) {
      clock.advance(ms)
      log.retain()
    },
  }
})
