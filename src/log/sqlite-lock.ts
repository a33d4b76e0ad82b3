import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Driver, SQLITE, sqliteCode } from './sqlite-driver.ts'
import type { Refusal } from './sqlite-messages.ts'

const LOCK_FILE = 'fleetwire.lock'
/** Names the lock holder, only for the text of the error. After kill -9 it names a dead process, which does no harm. */
const PID_FILE = 'fleetwire.pid'

export type LockResult = { status: 'taken'; release: () => void } | { status: 'refused'; refusal: Refusal }

/**
 * Locks a folder with an open write transaction on a file of its own, which stays empty. The kernel drops the lock with
 * the process, so kill -9 leaves nothing stale, and since nothing is ever written, no crash can damage the file. It
 * also keeps out a second holder in this process, which locks by fcntl alone would not.
 */
export function takeLock(driver: Driver, dir: string): LockResult {
  const path = join(dir, LOCK_FILE)
  const pidPath = join(dir, PID_FILE)
  makeFile(path)
  const lock = driver.open(path)
  try {
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE')
    writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    lock.close()
    if (sqliteCode(error) === SQLITE.BUSY) {
      return { status: 'refused', refusal: { code: 'FLW_ERR_LOG_LOCKED', args: [dir, holder(pidPath)] } }
    }
    return { status: 'refused', refusal: { code: 'FLW_ERR_LOG_OPEN', args: [path, (error as Error).message] } }
  }
  return {
    status: 'taken',
    release() {
      rmSync(pidPath, { force: true })
      lock.close()
    },
  }
}

/**
 * SQLite would create the file with the permissions that the umask leaves. An existing file is not opened: closing it
 * would drop every lock that this process holds on it (POSIX).
 */
function makeFile(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
}

function holder(pidPath: string): string {
  try {
    return ` (pid ${Number.parseInt(readFileSync(pidPath, 'utf8'), 10)})`
  } catch {
    // The holder is about to write it.
    return ''
  }
}
