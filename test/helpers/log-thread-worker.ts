import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { loadDriver } from '../../src/log/sqlite-driver.ts'
import type { WorkerOptions } from '../../src/log/sqlite-messages.ts'
import { LOG_FILE, openDatabase } from '../../src/log/sqlite-open.ts'
import { markCopied } from '../../src/log/sqlite-schema.ts'
import { serveLog } from '../../src/log/sqlite-serving.ts'

const driver = await loadDriver()

/** The file of a log in which nothing is yet: to copy it takes half of what it takes to make one. */
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

const emptyLog = makeEmptyLog()
const isEmptyFolder = (dir: string): boolean => {
  try {
    return readdirSync(dir).length === 0
  } catch {
    return false
  }
}

/** Serves many logs in this thread: `log-thread.ts`. */
parentPort!.on('message', ({ options, port }: { options: WorkerOptions; port: MessagePort }) => {
  if (options.replica === undefined && isEmptyFolder(options.dir))
    writeFileSync(join(options.dir, LOG_FILE), emptyLog, { mode: 0o600 })
  void serveLog(port, options, () => port.close())
})
