import t from 'tap'
import { eventLogContract } from '../../contract/event-log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { openLog, temporaryFolder } from '../../helpers/log-folder.ts'

eventLogContract(t, 'SQLite', async (t, options = {}) => {
  const clock = new FakeClock()
  const dir = temporaryFolder(t)
  let log = await openLog(t, { dir, clock, ...options })
  return {
    log,
    async reopen() {
      await log.close()
      log = await openLog(t, { dir, clock, ...options })
      return log
    },
    another: () => openLog(t, { clock, ...options }),
    async elapse(ms) {
      clock.advance(ms)
      await log.retain()
    },
  }
})
