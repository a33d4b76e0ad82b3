import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, type Driver, SQLITE, sqliteCode } from './sqlite-driver.ts'
import type { Refusal, WorkerOptions } from './sqlite-messages.ts'
import { APPLICATION_ID, prepareDatabase, readPragma, rollback, SCHEMA_VERSION } from './sqlite-schema.ts'

const LOG_FILE = 'fleetwire.db'
const LOCK_FILE = 'fleetwire.lock'
const PAGE_BYTES = 4096
/** Files up to this size are checked whole on open (about 0.1 s); larger ones show damage when it is met. */
const CHECKED_WHOLE_BYTES = 64 * 1024 * 1024

export type OpenResult =
  | { status: 'opened'; db: Database; release: () => void }
  | { status: 'refused'; refusal: Refusal }

/** Opens the log of a folder for this process alone, or says why not; a refused file is left as it was, to the byte. */
export function openDatabase(driver: Driver, { dir, maxFileBytes }: WorkerOptions): OpenResult {
  const path = join(dir, LOG_FILE)
  let lock: Database | undefined
  let db: Database | undefined
  try {
    mkdirSync(dir, { recursive: true })
    lock = driver.open(join(dir, LOCK_FILE))
    const refusal = takeLock(lock, dir) ?? inspect(driver, path)
    if (refusal !== undefined) {
      lock.close()
      return { status: 'refused', refusal }
    }
    db = driver.open(path)
    prepareDatabase(db)
    if (maxFileBytes !== undefined)
      db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxFileBytes / PAGE_BYTES))}`)
    const held = { db, lock }
    return {
      status: 'opened',
      db,
      release() {
        held.db.close()
        held.lock.close()
      },
    }
  } catch (error) {
    db?.close()
    lock?.close()
    return { status: 'refused', refusal: refusalOf(error, path) }
  }
}

/**
 * Holds an open transaction on a file of its own: the kernel drops it with the process, so that kill -9 leaves nothing
 * stale. RESERVED, not EXCLUSIVE, so that the next one can still read who holds it. Undefined: the lock is ours.
 */
function takeLock(lock: Database, dir: string): Refusal | undefined {
  lock.exec('PRAGMA busy_timeout = 0')
  try {
    lock.exec(`
      BEGIN IMMEDIATE;
      CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER NOT NULL);
      INSERT OR REPLACE INTO holder VALUES (1, ${process.pid});
      COMMIT;
      BEGIN IMMEDIATE;
    `)
    return undefined
  } catch (error) {
    rollback(lock)
    if (sqliteCode(error) !== SQLITE.BUSY) throw error
    return { code: 'FLW_ERR_LOG_LOCKED', args: [dir, holderOf(lock)] }
  }
}

function holderOf(lock: Database): string {
  try {
    const row = lock.prepare('SELECT pid FROM holder').get() as { pid: number } | undefined
    return row === undefined ? '' : ` (pid ${row.pid})`
  } catch {
    // The holder is just writing its pid. That it holds the lock is what matters.
    return ''
  }
}

/** Looks at the file through a read-only connection, before anything could write to a file that is not ours. */
function inspect(driver: Driver, path: string): Refusal | undefined {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  // Nothing, or what a crash leaves between the making of the file and its first transaction.
  if (bytes === 0) return undefined
  let db: Database | undefined
  try {
    db = driver.open(path, { readOnly: true })
    db.exec('PRAGMA busy_timeout = 5000')
    const applicationId = readPragma(db, 'application_id')
    const version = readPragma(db, 'user_version')
    if (applicationId === 0 && version === 0 && isEmpty(db)) return undefined
    if (applicationId !== APPLICATION_ID) return corrupt(path, `its application id is ${applicationId}`)
    if (version > SCHEMA_VERSION) {
      return { code: 'FLW_ERR_LOG_NEWER', args: [path, String(version), String(SCHEMA_VERSION)] }
    }
    if (db.prepare('SELECT 1 FROM meta').get() === undefined) return corrupt(path, 'its meta row is missing')
    const flaw = bytes <= CHECKED_WHOLE_BYTES ? firstFlaw(db) : undefined
    return flaw === undefined ? undefined : corrupt(path, flaw)
  } finally {
    db?.close()
  }
}

function isEmpty(db: Database): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
}

function firstFlaw(db: Database): string | undefined {
  const { quick_check: verdict } = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string }
  return verdict === 'ok' ? undefined : verdict
}

const corrupt = (path: string, why: string): Refusal => ({ code: 'FLW_ERR_LOG_CORRUPT', args: [path, why] })

function refusalOf(error: unknown, path: string): Refusal {
  const { message } = error as Error
  const code = sqliteCode(error)
  if (code === SQLITE.CORRUPT || code === SQLITE.NOTADB) return corrupt(path, message)
  return { code: 'FLW_ERR_LOG_OPEN', args: [path, message] }
}
