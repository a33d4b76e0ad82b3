import { chmodSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Database, isFatal, loadDriver } from '../../../src/log/sqlite-driver.ts'
import { startLogWorker } from '../../../src/log/sqlite-log.ts'
import { APPLICATION_ID, prepareDatabase, SCHEMA_VERSION } from '../../../src/log/sqlite-schema.ts'
import { append, note, numbers, readAll } from '../../contract/event-log-harness.ts'
import { openLog, temporaryFolder } from '../../helpers/log-folder.ts'
import { expectNoWarnings } from '../../helpers/no-warnings.ts'

const driver = await loadDriver()
/** When a thread ends, it releases the rest of a file that it could not read. */
const startWorker = startLogWorker

/** A folder with a closed log of several pages. */
async function writtenFolder(t: Test): Promise<string> {
  const dir = temporaryFolder(t)
  const log = await openLog(t, { dir, startWorker })
  for (let n = 0; n < 50; n++) await append(log, { ...note(n), payload: { n, text: 'x'.repeat(2000) } })
  await log.close()
  return dir
}

function edit(dir: string, change: (db: Database) => void): void {
  const db = driver.open(join(dir, 'fleetwire.db'))
  change(db)
  db.close()
}

/** Opening is refused with the code, twice, and leaves every byte of the log unchanged. */
async function refuses(t: Test, dir: string, code: string, message: RegExp): Promise<void> {
  const file = join(dir, 'fleetwire.db')
  const before = readFileSync(file)
  for (const time of ['at first', 'and again'])
    await t.rejects(openLog(t, { dir, startWorker }), { code, message }, time)
  t.ok(readFileSync(file).equals(before), 'no byte was changed')
  t.notOk(readdirSync(dir).includes('fleetwire.pid'), 'the lock was released')
}

t.test('a file that is not a database is refused', async t => {
  const dir = temporaryFolder(t)
  writeFileSync(join(dir, 'fleetwire.db'), 'my diary\n'.repeat(2000))
  await refuses(t, dir, 'FLW_ERR_LOG_CORRUPT', /not a database/)
})

t.test('a truncated log is refused', async t => {
  const dir = await writtenFolder(t)
  truncateSync(join(dir, 'fleetwire.db'), 5 * 4096)
  await refuses(t, dir, 'FLW_ERR_LOG_CORRUPT', /malformed/)
})

t.test('a log with a corrupt page is refused', async t => {
  const dir = await writtenFolder(t)
  const file = join(dir, 'fleetwire.db')
  const bytes = readFileSync(file)
  t.ok(bytes.length > 20 * 4096)
  // The root of a table: in a page with nothing but payload, any bytes would be valid.
  let root = 0
  edit(dir, db => {
    root = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'events'").get()!.rootpage)
  })
  bytes.fill(0xa5, (root - 1) * 4096, root * 4096)
  writeFileSync(file, bytes)
  await refuses(t, dir, 'FLW_ERR_LOG_CORRUPT', /./)
})

t.test('the database of another program is refused', async t => {
  const dir = temporaryFolder(t)
  edit(dir, db => db.exec('CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = 3'))
  await refuses(t, dir, 'FLW_ERR_LOG_CORRUPT', /application id is 0/)
  edit(dir, db => db.exec('PRAGMA application_id = 42'))
  await refuses(t, dir, 'FLW_ERR_LOG_CORRUPT', /application id is 42/)
})

t.test('a log of a newer version is refused, naming both versions', async t => {
  const dir = await writtenFolder(t)
  edit(dir, db => db.exec('PRAGMA user_version = 999'))
  await refuses(t, dir, 'FLW_ERR_LOG_NEWER', new RegExp(`schema 999, this version knows ${SCHEMA_VERSION}`))
})

t.test('a path that cannot be a folder is refused with the system’s reason', async t => {
  const dir = temporaryFolder(t)
  writeFileSync(join(dir, 'file'), '')
  await t.rejects(openLog(t, { dir: join(dir, 'file', 'log') }), { code: 'FLW_ERR_LOG_OPEN', message: /ENOTDIR/ })
})

t.test('an empty file that was once a log is refused, and so is a missing one whose WAL still exists', async t => {
  const dir = await writtenFolder(t)
  writeFileSync(join(dir, 'fleetwire.db'), '')
  await refuses(t, dir, 'FLW_ERR_LOG_CORRUPT', /it is empty.*Restore it from a backup, or move it away to start empty/)
  rmSync(join(dir, 'fleetwire.db'))
  writeFileSync(join(dir, 'fleetwire.db-wal'), 'x'.repeat(5000))
  await t.rejects(openLog(t, { dir }), {
    code: 'FLW_ERR_LOG_CORRUPT',
    message: /it is missing, but fleetwire.db-wal/,
  })
})

t.test('a crash during the first start does not prevent the next', async t => {
  const dir = temporaryFolder(t)
  for (const name of ['fleetwire.db.new', 'fleetwire.lock']) writeFileSync(join(dir, name), '')
  await append(await openLog(t, { dir }), note(1))
})

t.test(
  'nobody else may enter the folder or read its files, whatever the umask, and old permissions are removed',
  async t => {
    const dir = join(temporaryFolder(t), 'data')
    const before = process.umask(0)
    t.teardown(() => process.umask(before))
    const modes = () =>
      ['', 'fleetwire.db', 'fleetwire.db-wal', 'fleetwire.db-shm', 'fleetwire.lock', 'fleetwire.pid'].map(name =>
        (statSync(join(dir, name)).mode & 0o777).toString(8),
      )
    const expected = ['700', ...Array(5).fill('600')]
    const log = await openLog(t, { dir })
    await append(log, note(1))
    t.same(modes(), expected)
    await log.close()
    chmodSync(dir, 0o755)
    for (const name of ['fleetwire.db', 'fleetwire.lock']) chmodSync(join(dir, name), 0o644)
    await append(await openLog(t, { dir }), note(2))
    t.same(modes(), expected)
  },
)

t.test('a missing folder is created', async t => {
  const dir = join(temporaryFolder(t), 'a', 'b')
  await append(await openLog(t, { dir }), note(1))
})

t.test('the same process cannot open a folder twice, but can again after closing it', async t => {
  const dir = temporaryFolder(t)
  const log = await openLog(t, { dir })
  await t.rejects(openLog(t, { dir }), { code: 'FLW_ERR_LOG_LOCKED', message: new RegExp(`pid ${process.pid}`) })
  await append(log, note(1))
  await t.rejects(
    openLog(t, { dir }),
    { code: 'FLW_ERR_LOG_LOCKED' },
    'the refused attempt took nothing from the holder',
  )
  await log.close()
  t.same(numbers(await readAll(await openLog(t, { dir }), ['>'])), [1])
})

t.test('a log that was closed or refused leaves no listeners on the process', async t => {
  const before = process.listenerCount('exit')
  const dir = temporaryFolder(t)
  const logs = [await openLog(t, { dir }), await openLog(t)]
  const shutting = process.listeners('exit').filter(({ name }) => name === 'shutAll')
  t.equal(shutting.length, 1, 'one for all of them, and for those that other files of this process have open')
  await t.rejects(openLog(t, { dir }))
  for (const log of logs) await log.close()
  t.equal(process.listenerCount('exit'), before)
})

t.test('every open sets the pragmas that SQLite does not keep in the file', async t => {
  const path = join(temporaryFolder(t), 'x.db')
  for (const time of ['new', 'again']) {
    const db = driver.open(path)
    prepareDatabase(db)
    const pragma = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0]
    t.equal(pragma('journal_mode'), 'wal', time)
    t.equal(pragma('synchronous'), 2, 'FULL: an accepted append survives a power failure')
    t.equal(pragma('foreign_keys'), 1)
    t.equal(pragma('busy_timeout'), 5000)
    t.equal(pragma('cache_size'), -65536)
    t.equal(pragma('application_id'), APPLICATION_ID)
    t.equal(pragma('user_version'), SCHEMA_VERSION)
    db.close()
  }
})

t.test('Node’s own driver is used if available, without a warning', async t => {
  t.equal(driver.name, process.getBuiltinModule?.('node:sqlite') === undefined ? 'package' : 'builtin')
  expectNoWarnings(t)
  await loadDriver()
  // Warnings are emitted in a later tick.
  await new Promise(resolve => setImmediate(resolve))
  t.equal(process.emitWarning.name, 'emitWarning', 'unchanged')
})

t.test('errors that make the file unreliable are distinguished from transient ones', t => {
  const withCode = (errcode: number) => Object.assign(new Error(), { errcode })
  for (const code of [8, 10, 11, 14, 15, 26, 10 | (4 << 8)]) t.equal(isFatal(withCode(code)), true, `${code}`)
  for (const code of [1, 5, 6, 7, 13, 19, 5 | (2 << 8)]) t.equal(isFatal(withCode(code)), false, `${code}`)
  t.equal(isFatal(new Error('no code')), false)
  t.equal(isFatal(undefined), false)
  t.end()
})
