import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openSqliteLog, type SqliteLog } from '../../../src/log/sqlite-log.ts'
import { eventLogContract } from '../../contract/event-log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

eventLogContract(t, 'SQLite', async (t, { retention = { count: 1e6, ms: 1e9 } } = {}) => {
  const clock = new FakeClock()
  const logs: SqliteLog[] = []
  t.teardown(() => Promise.all(logs.map(log => log.close())))
  const open = async (dir: string) => {
    const log = await openSqliteLog({ dir, clock, retention })
    logs.push(log)
    return log
  }
  const dir = temporaryFolder(t)
  let log = await open(dir)
  return {
    log,
    async reopen() {
      await log.close()
      log = await open(dir)
      return log
    },
    another: () => open(temporaryFolder(t)),
    async elapse(ms) {
      clock.advance(ms)
      await log.retain()
    },
  }
})

function temporaryFolder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'fleetwire-log-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
