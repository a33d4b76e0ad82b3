import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openSqliteLog, type SqliteLog, type SqliteLogOptions } from '../../src/log/sqlite-log.ts'
import { FakeClock } from './fake-clock.ts'
import { inSharedThread } from './log-thread.ts'

/** A folder that is removed when the test ends. Outside the repository, so that tap does not scan what a log writes. */
export function temporaryFolder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'fleetwire-log-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A log that is closed when the test ends. By default its retention removes nothing. */
export async function openLog(t: Test, options: Partial<SqliteLogOptions> = {}): Promise<SqliteLog> {
  const log = await openSqliteLog({
    dir: options.dir ?? temporaryFolder(t),
    clock: new FakeClock(),
    startWorker: inSharedThread,
    retention: { count: 1e9, ms: 1e12 },
    ...options,
  })
  t.teardown(() => log.close())
  return log
}
