import { appendFile, mkdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FileJournal } from './file-journal.ts'

const command = (commandId: string, attempt = 1) => ({
  commandId,
  attempt,
  kind: 'shell',
  input: 'ls',
  runTimeoutMs: 0,
})
const done = { status: 'succeeded', output: 'ok ✓' } as const
const accepted = (commandId: string, attempt = 1) => ({ state: 'accepted', commandId, attempt })
const finished = (commandId: string, attempt = 1, delivered = false) => ({
  state: 'finished',
  commandId,
  attempt,
  outcome: done,
  delivered,
})

const openIn = async (t: Test, folder: string, over: object = {}) => {
  const journal = await FileJournal.open({ folder, agentId: 'a1', ...over })
  t.after(() => journal.close())
  return journal
}

t.test('promised entries are there after the process died', async t => {
  const folder = join(t.testdir(), 'made', 'on the way')
  const journal = await openIn(t, folder)
  t.same(await journal.load(), [])
  await Promise.all([journal.accepted(command('c1')), journal.accepted(command('c2')), journal.accepted(command('c3'))])
  await journal.finished({ commandId: 'c2', attempt: 2, outcome: done })
  await journal.finished({ commandId: 'c3', attempt: 1, outcome: done })
  await journal.delivered('c3')
  const after = await openIn(t, folder)
  t.same(await after.load(), [accepted('c1'), finished('c2', 2), finished('c3', 1, true)])
  await after.forget('c3')
  t.same(await (await openIn(t, folder)).load(), [accepted('c1'), finished('c2', 2)])
  await t.rejects(FileJournal.open({ folder, agentId: '../c' }), { code: 'invalid_option' })
})

t.test('a file cut at any byte gives the content of its complete lines, and can be continued', async t => {
  const folder = t.testdir()
  const path = join(folder, 'a1.journal')
  const journal = await openIn(t, folder)
  await journal.accepted(command('c1'))
  await journal.finished({ commandId: 'c1', attempt: 1, outcome: done })
  await journal.accepted(command('c2'))
  await journal.delivered('c1')
  const bytes = await readFile(path)
  const ends = [...bytes.entries()].filter(([, byte]) => byte === 10).map(([at]) => at + 1)
  const states = [
    [],
    [accepted('c1')],
    [finished('c1')],
    [finished('c1'), accepted('c2')],
    [finished('c1', 1, true), accepted('c2')],
  ]
  let wrong = 0
  // `npm test` only cuts at or near line ends, within characters, and at every fifth byte.
  const isTried = (cut: number) =>
    process.env.FULL === '1' ||
    cut % 5 === 0 ||
    ends.some(end => Math.abs(cut - end) < 3) ||
    ((bytes[cut] ?? 0) & 0xc0) === 0x80
  for (let cut = 0; cut <= bytes.length; cut++) {
    if (!isTried(cut)) continue
    await writeFile(path, bytes.subarray(0, cut))
    const lines = ends.filter(end => end <= cut).length
    const torn = await FileJournal.open({ folder, agentId: 'a1' })
    const before = JSON.stringify(await torn.load())
    if (before !== JSON.stringify(states[lines])) wrong++
    // Writing after a torn line must not swallow the new line.
    if (cut % 10 === 0 || ends.includes(cut)) {
      await torn.accepted(command('new'))
      const again = await FileJournal.open({ folder, agentId: 'a1' })
      const expected = JSON.stringify([...states[lines]!, accepted('new')])
      if (JSON.stringify(await again.load()) !== expected) wrong++
    }
    await torn.close()
  }
  t.equal(wrong, 0)
})

t.test('a garbled line in the middle does not take the others with it', async t => {
  const folder = t.testdir()
  const journal = await openIn(t, folder)
  await journal.accepted(command('c1'))
  await appendFile(join(folder, 'a1.journal'), '\u0000\u0000garbage\n{"op":3}\n')
  await journal.accepted(command('c2'))
  t.same(await (await openIn(t, folder)).load(), [accepted('c1'), accepted('c2')])
})

t.test('it does not grow with what is finished', async t => {
  const folder = t.testdir()
  const journal = await openIn(t, folder, { compactBytes: 2_000 })
  for (let i = 0; i < 200; i++) {
    await journal.accepted(command(`c${i}`))
    await journal.forget(`c${i}`)
  }
  await journal.accepted(command('last'))
  t.ok((await stat(join(folder, 'a1.journal'))).size < 4_000)
  t.same(await (await openIn(t, folder)).load(), [accepted('last')])
})

t.test('old entries are dropped', async t => {
  const folder = t.testdir()
  let now = 1_000_000
  const options = { now: () => now, keepMs: 5_000 }
  const journal = await openIn(t, folder, options)
  await journal.accepted(command('old'))
  now += 4_000
  await journal.accepted(command('new'))
  now += 2_000
  t.same(await (await openIn(t, folder, options)).load(), [accepted('new')])
})

t.test('a failed write rejects, and the next one starts from a whole file', async t => {
  const folder = t.testdir()
  const journal = await openIn(t, folder, { compactBytes: 1 })
  const inTheWay = join(folder, 'a1.journal.new')
  await mkdir(inTheWay)
  await t.rejects(journal.accepted(command('c1')), { code: 'EISDIR' })
  await rmdir(inTheWay)
  await journal.accepted(command('c2'))
  await mkdir(inTheWay)
  const kept = [accepted('c2')]
  for (let i = 0; ; i++) {
    const refused = await journal.accepted(command(`x${i}`)).catch(error => error)
    if (refused !== undefined) break
    kept.push(accepted(`x${i}`))
  }
  await rmdir(inTheWay)
  await journal.accepted(command('c4'))
  t.same(await (await openIn(t, folder)).load(), [...kept, accepted('c4')])
  await journal.close()
  await t.rejects(journal.accepted(command('c5')), { code: 'stopped' })
})
