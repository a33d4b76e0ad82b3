import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openLog, temporaryFolder } from '../../helpers/log-folder.ts'
import { size } from '../../helpers/sizes.ts'

/** `KILL_ROUNDS=50` for a long run. */
const ROUNDS = size('KILL_ROUNDS', { quick: 2, full: 6 })
const PROGRAM = fileURLToPath(new URL('../../helpers/log-writer.js', import.meta.url))

t.setTimeout(60_000 + ROUNDS * 20_000)

type Child = ChildProcessByStdio<Writable, Readable, null>

const start = (dir: string, mode: 'hold' | 'write' | 'exit' | 'throw' | 'facts'): Child =>
  spawn(process.execPath, [PROGRAM, dir, mode], { stdio: ['pipe', 'pipe', mode === 'throw' ? 'ignore' : 'inherit'] })

/** Lines until `enough` have arrived or the process ends. */
async function lines(child: Child, enough: number): Promise<string[]> {
  const said: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (said.length === enough) break
  }
  return said
}

t.test('[CQ1] kill -9 loses no accepted append and leaves none half done', async t => {
  const dir = temporaryFolder(t)
  const accepted = new Map<number, number>()
  let head = 0
  for (let round = 1; round <= ROUNDS; round++) {
    const child = start(dir, 'write')
    t.teardown(() => child.kill('SIGKILL'))
    const said: string[] = []
    let rest = ''
    const enough = 100 + 70 * round
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      // What follows the last newline is an incomplete line, which means nothing yet.
      rest = parts.pop()!
      said.push(...parts)
      if (said.length >= enough) child.kill('SIGKILL')
    })
    const [, signal] = await once(child, 'close')
    t.equal(signal, 'SIGKILL', 'killed while it was writing')
    t.equal(said[0], 'open', 'the lock of the killed process did not remain')
    for (const line of said.slice(1)) {
      const [seq, n] = line.split(' ').map(Number) as [number, number]
      if (accepted.has(seq)) t.fail(`seq ${seq} was given twice`)
      accepted.set(seq, n)
    }

    const log = await openLog(t, { dir })
    const stored = new Map<number, number>()
    for (let after: string | undefined; ; ) {
      const page = await log.read({ topics: ['>'], limit: 5000, ...(after && { after }) })
      if (page.status !== 'ok') throw new Error(page.reason)
      for (const event of page.events) stored.set(event.seq, (event.payload as { n: number }).n)
      if (page.done) break
      after = page.next
    }
    const lost = [...accepted].filter(([seq, n]) => stored.get(seq) !== n || stored.get(seq + 1) !== n)
    t.same(lost, [], `round ${round}: all ${accepted.size} accepted are there, complete`)
    t.equal(stored.size % 2, 0, 'both drafts of each append, or neither')
    t.ok(Math.max(...stored.keys()) > head, 'the order continues')
    head = Math.max(...stored.keys())
    await log.close()

    const [facts = ''] = await lines(start(dir, 'facts'), 1)
    t.same(JSON.parse(facts), { integrity_check: 'ok', head, events: stored.size })
  }
})

t.test('a folder in use is refused, naming the process, until that process is gone', async t => {
  const dir = temporaryFolder(t)
  const holder = start(dir, 'hold')
  t.teardown(() => holder.kill('SIGKILL'))
  t.same(await lines(holder, 1), ['open'])
  await t.rejects(openLog(t, { dir }), { code: 'FLW_ERR_LOG_LOCKED', message: new RegExp(`pid ${holder.pid}`) })
  holder.kill('SIGKILL')
  await once(holder, 'close')
  const log = await openLog(t, { dir })
  const second = start(dir, 'hold')
  t.teardown(() => second.kill('SIGKILL'))
  t.same(await lines(second, 2), ['FLW_ERR_LOG_LOCKED'])
  t.equal(
    (await log.append([{ type: 'x', topic: 'tasks.t1.events', payload: 1 }])).status,
    'ok',
    'the holder continues',
  )
  // Another attempt in the holder's own process must not drop the lock either.
  await t.rejects(openLog(t, { dir }), { code: 'FLW_ERR_LOG_LOCKED' })
  const third = start(dir, 'hold')
  t.teardown(() => third.kill('SIGKILL'))
  t.same(await lines(third, 2), ['FLW_ERR_LOG_LOCKED'])
})

for (const [mode, expected] of [
  ['exit', 3],
  ['throw', 1],
] as const) {
  t.test(`a process that ends by ${mode} while appends are in flight exits with its own code`, async t => {
    // The package's driver aborted in two of three runs here.
    for (let round = 0; round < 4; round++) {
      const child = start(temporaryFolder(t), mode)
      child.stdout.resume()
      t.same(await once(child, 'close'), [expected, null])
    }
  })
}
