import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { type Driver, loadDriver } from '../../src/log/sqlite-driver.ts'
import type { WorkerOptions } from '../../src/log/sqlite-messages.ts'
import { LOG_FILE, openDatabase } from '../../src/log/sqlite-open.ts'
import { markCopied } from '../../src/log/sqlite-schema.ts'
import { serveLog } from '../../src/log/sqlite-serving.ts'

const driver = await loadDriver()

/** The file of an empty log: copying it takes half as long as creating a new one. */
function makeEmptyLog(): Buffer {
  const dir = mkdtempSync(join(tmpdir(), 'fleetwire-empty-log-'))
  try {
    const opened = openDatabase(driver, { dir })
    if (opened.status === 'refused') throw new Error(opened.refusal.code)
    markCopied(opened.db)
    opened.db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    opened.release()
    return readFileSync(join(dir, LOG_FILE))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Does not sync to disk: test data need not survive a machine failure, and a killed process loses nothing. */
const unsynced: Driver = {
  ...driver,
  open(path, options) {
    const db = driver.open(path, options)
    const exec = db.exec.bind(db)
    const value = (sql: string) => exec(sql.replaceAll('PRAGMA synchronous = FULL', 'PRAGMA synchronous = OFF'))
    return Object.defineProperty(db, 'exec', { value })
  },
}

const emptyLog = makeEmptyLog()
const isEmptyFolder = (dir: string): boolean => {
  try {
    return readdirSync(dir).length === 0
  } catch {
    return false
  }
}

/** Serves many logs in this thread; see `log-thread.ts`. */
parentPort!.on('message', ({ options, port }: { options: WorkerOptions; port: MessagePort }) => {
  if (options.replica === undefined && isEmptyFolder(options.dir))
    writeFileSync(join(options.dir, LOG_FILE), emptyLog, { mode: 0o600 })
  void serveLog(port, options, () => port.close(), unsynced)
})
