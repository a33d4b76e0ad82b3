import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { loadDriver, sqliteCode } from './sqlite-driver.ts'
import { LOG_FILE } from './sqlite-open.ts'
import { APPLICATION_ID, markCopied, readPragma } from './sqlite-schema.ts'

export type BackupResult = { status: 'copied'; events: number; bytes: number } | { status: 'refused'; reason: string }

/**
 * Copies the log of a folder into another, whether or not a server is using it. One read transaction makes the copy the
 * log of one moment, with every append acknowledged before; the server keeps writing during the copy.
 * The copy gets its name when it is complete and on disk. Throws errors of the file system.
 */
export async function copyLog(from: string, to: string): Promise<BackupResult> {
  const path = join(from, LOG_FILE)
  if (!statSync(path, { throwIfNoEntry: false })?.size)
    return { status: 'refused', reason: `there is no log in ${from}; name the server's folder with --data-dir` }
  const driver = await loadDriver()
  // Closed to other users: it holds what agents and people said, and soon the secret.
  mkdirSync(to, { recursive: true, mode: 0o700 })
  const draft = join(to, `${LOG_FILE}.new`)
  // Created here, so that it gets these permissions and not those that the umask leaves.
  const file = openSync(draft, 'wx', 0o600)
  try {
    const log = driver.open(path, { readOnly: true })
    try {
      log.exec('PRAGMA busy_timeout = 5000')
      if (readPragma(log, 'application_id') !== APPLICATION_ID)
        return { status: 'refused', reason: `${path} is not a Fleetwire log` }
      log.prepare('VACUUM INTO ?').run(draft)
    } finally {
      log.close()
    }
    const copy = driver.open(draft)
    try {
      markCopied(copy)
      const { events } = copy.prepare('SELECT events FROM meta').get() as { events: number }
      fsyncSync(file)
      renameSync(draft, join(to, LOG_FILE))
      return { status: 'copied', events, bytes: statSync(join(to, LOG_FILE)).size }
    } finally {
      copy.close()
    }
  } catch (error) {
    // Not a database, a damaged one, or a full disk.
    if (sqliteCode(error) === undefined) throw error
    return { status: 'refused', reason: `${path}: ${(error as Error).message}` }
  } finally {
    closeSync(file)
    rmSync(draft, { force: true })
  }
}
