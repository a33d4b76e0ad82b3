import assert from 'node:assert'
import { systemClock } from '../../src/clock.ts'
import { loadDriver } from '../../src/log/sqlite-driver.ts'
import { openSqliteLog } from '../../src/log/sqlite-log.ts'

/*
 * A separate process that opens the log in the folder of its first argument and prints `open`. Unless the second
 * argument is `hold`, it then appends until it is killed, or, for `exit` and `throw`, until some appends have been
 * accepted. It prints `<seq> <n>` for each append after it has been accepted, and never sooner.
 *
 * For `facts` it prints the state of the file as JSON instead. This needs a separate process, because the package's
 * driver closes a connection only when its statements are garbage-collected, and an open file prevents the next process
 * from recovering what a killed writer left.
 */
const WRITERS = 32
const [dir, mode] = process.argv.slice(2) as [string, string]
/** Resolves when the line is in the pipe, so that a slow reader makes writers wait. */
const say = (line: string) => new Promise<void>(resolve => process.stdout.write(`${line}\n`, () => resolve()))

if (mode === 'facts') {
  const db = (await loadDriver()).open(`${dir}/fleetwire.db`, { readOnly: true })
  const facts = [db.prepare('PRAGMA integrity_check').get(), db.prepare('SELECT head, events FROM meta').get()]
  await say(JSON.stringify(Object.assign({}, ...facts)))
  process.exit(0)
}

const log = await openSqliteLog({ dir, clock: systemClock, retention: { count: 1e9, ms: 1e12 } }).catch(async error => {
  await say(error.code)
  process.exit(1)
})
await say('open')

let n = 0
async function write(): Promise<void> {
  for (;;) {
    const mine = ++n
    const topic = `agents.a${mine % 5}.commands.c${process.pid}-${mine}`
    const result = await log.append([
      { type: 'command:queued', topic, payload: { n: mine }, record: 'set', expect: 0 },
      { type: 'custom:note', topic: 'tasks.t1.events', payload: { n: mine } },
    ])
    if (result.status !== 'ok') throw new Error(result.status)
    await say(`${result.events[0]!.seq} ${mine}`)
    if (mine > 100 && mode === 'exit') process.exit(3)
    if (mine > 100 && mode === 'throw') setImmediate(() => assert.fail('thrown under load'))
  }
}
if (mode !== 'hold') await Promise.all(Array.from({ length: WRITERS }, write))
// The log stays open until this process is killed or its parent exits.
process.stdin.resume().on('end', () => log.close())
