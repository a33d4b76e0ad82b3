import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { prepareFolder } from './data-folder.ts'
import { type Database, type Driver, SQLITE, sqliteCode } from './sqlite-driver.ts'
import { takeLock } from './sqlite-lock.ts'
import type { OpenOptions, Refusal } from './sqlite-messages.ts'
import { closeReplica, prepareReplica } from './sqlite-replica.ts'
import { APPLICATION_ID, prepareDatabase, readPragma, SCHEMA_VERSION } from './sqlite-schema.ts'

export const LOG_FILE = 'fleetwire.db'
const PAGE_BYTES = 4096
/**
 * Files up to this size are checked completely on open (about 0.1 s); in larger ones, damage shows only when it is
 * read.
 */
const CHECKED_WHOLE_BYTES = 64 * 1024 * 1024

export type OpenResult =
  | { status: 'opened'; db: Database; release: () => void }
  | { status: 'refused'; refusal: Refusal }

/** Opens the log of a folder for this process only, or returns why it cannot. A refused file is left unchanged. */
export function openDatabase(driver: Driver, options: OpenOptions): OpenResult {
  const path = join(options.dir, LOG_FILE)
  try {
    const denied = prepareFolder(options.dir)
    if (denied !== undefined) return { status: 'refused', refusal: { code: 'FLW_ERR_LOG_OPEN', args: [path, denied] } }
    const lock = takeLock(driver, options.dir)
    if (lock.status === 'refused') return lock
    const opened = openFile(driver, path, options)
    if (opened.status === 'refused') {
      lock.release()
      return opened
    }
    return {
      ...opened,
      release() {
        opened.release()
        lock.release()
      },
    }
  } catch (error) {
    return { status: 'refused', refusal: refusalOf(error, path) }
  }
}

function openFile(driver: Driver, path: string, { maxFileBytes, replica }: OpenOptions): OpenResult {
  let db: Database | undefined
  try {
    const flaw = inspect(driver, path)
    if (flaw !== undefined) return { status: 'refused', refusal: flaw }
    if (!existsSync(path)) createFile(driver, path)
    const opened = driver.open(path)
    db = opened
    prepareDatabase(opened)
    if (maxFileBytes !== undefined) {
      opened.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxFileBytes / PAGE_BYTES))}`)
    }
    if (replica === undefined) return { status: 'opened', db: opened, release: () => opened.close() }
    const refusal = prepareReplica(opened, path, replica.epoch)
    if (refusal !== undefined) {
      opened.close()
      return { status: 'refused', refusal }
    }
    const release = () => {
      closeReplica(opened)
      opened.close()
    }
    return { status: 'opened', db: opened, release }
  } catch (error) {
    db?.close()
    return { status: 'refused', refusal: refusalOf(error, path) }
  }
}

/**
 * A new log gets its name only when it is complete, so neither a crash nor a full disk leaves a file that could be
 * mistaken for an empty log. Its permissions also apply to the files that SQLite writes next to it (`-wal`, `-shm`),
 * whatever the umask is.
 */
function createFile(driver: Driver, path: string): void {
  const draft = `${path}.new`
  rmSync(draft, { force: true })
  const file = openSync(draft, 'wx', 0o600)
  try {
    const db = driver.open(':memory:')
    prepareDatabase(db)
    db.prepare('VACUUM INTO ?').run(draft)
    db.close()
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(draft, path)
}

/** Inspects the file through a read-only connection first, so that nothing is written to a file that is not ours. */
function inspect(driver: Driver, path: string): Refusal | undefined {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size
  if (bytes === undefined) {
    const isMissing = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
    return isMissing ? corrupt(path, `it is missing, but ${LOG_FILE}-wal with the last writes is there`) : undefined
  }
  if (bytes === 0) return corrupt(path, 'it is empty: whatever it held is gone')
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
