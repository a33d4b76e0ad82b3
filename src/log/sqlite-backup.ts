import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { loadDriver, sqliteCode } from './sqlite-driver.ts'
import { LOG_FILE } from './sqlite-open.ts'
import { APPLICATION_ID, markCopied, readPragma } from './sqlite-schema.ts'

export type BackupResult = { status: 'copied'; events: number; bytes: number } | { status: 'refused'; reason: string }

/**
 * Copies the log of a folder into another, while a server works on it or not: one read transaction, so the copy is the
 * log of one moment, with every append that was answered before. The server goes on writing meanwhile.
 * The copy gets its name when it is whole and on disk. Throws what the file system says.
 */
export async function copyLog(from: string, to: string): Promise<BackupResult> {
  const path = join(from, LOG_FILE)
  if (!statSync(path, { throwIfNoEntry: false })?.size)
    return { status: 'refused', reason: `there is no log in ${from}, name the server's folder with --data-dir` }
  const driver = await loadDriver()
  // Closed to others: it holds what agents and people said, and soon the secret.
  mkdirSync(to, { recursive: true, mode: 0o700 })
  const draft = join(to, `${LOG_FILE}.new`)
  // Made by us, so that it has our rights and not those that the umask leaves.
  const file = openSync(draft, 'wx', 0o600)
  try {
    const log = driver.open(path, { readOnly: true })
    try {
      log.exec('PRAGMA busy_timeout = 5000')
      if (readPragma(log, 'application_id') !== APPLICATION_ID)
        return { status: 'refused', reason: `${path} is no Fleetwire log` }
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
    // No database, a damaged one, a full disk.
    if (sqliteCode(error) === undefined) throw error
    return { status: 'refused', reason: `${path}: ${(error as Error).message}` }
  } finally {
    closeSync(file)
    rmSync(draft, { force: true })
  }
}
