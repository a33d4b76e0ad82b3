import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { CommitStream, Part, StoredPart } from '../../src/cluster/log/commit-stream.ts'
import { temporaryFolder } from '../helpers/log-folder.ts'
import { until } from '../helpers/until.ts'

export interface StreamHarness {
  stream: CommitStream
  /** The same stream, opened by another node. */
  other: CommitStream
}

let count = 0
const part = (data: string | Uint8Array = 'x', place = 0, parts = 1): Part => ({
  ...{ commitId: `c${++count}`, part: place, parts },
  data: Buffer.from(data),
})

const plain = ({ data, ...rest }: StoredPart | Part) => ({ ...rest, data: Buffer.from(data).toString() })

/** The contract of every implementation of CommitStream. */
export function commitStreamContract(t: Test, name: string, factory: (t: Test) => Promise<StreamHarness>): void {
  t.test(`${name}: a message is accepted only directly after the last one`, async t => {
    const { stream, other } = await factory(t)
    t.equal(other.epoch, stream.epoch)
    t.same(await stream.bounds(), { first: 1, last: 0 })
    t.same(await stream.append(part('one'), 0), { status: 'accepted', position: 1 })
    for (const expected of [0, 2, 7]) t.match(await other.append(part('no'), expected), { status: 'refused' })
    t.same(await other.append(part('two'), 1), { status: 'accepted', position: 2 })
    const rivals = await Promise.all([stream, other, stream, other].map(each => each.append(part('three'), 2)))
    t.equal(rivals.filter(({ status }) => status === 'accepted').length, 1, 'only one of them is accepted')
    t.match(await stream.bounds(), { last: 3 })
  })

  t.test(`${name}: every node reads and is notified of parts exactly as they were stored`, async t => {
    const { stream, other } = await factory(t)
    const told: StoredPart[] = []
    const unlisten = other.listen(stored => told.push(stored))
    const largest = randomBytes(stream.maxPartBytes / 2).toString('hex')
    const parts = [part('one', 0, 2), part('é\u0000\n', 1, 2), part(largest), part('')]
    // Listeners may be notified only of parts appended after the servers know the listener.
    await until(async () => (await other.bounds()).last === 0)
    for (const [n, each] of parts.entries()) t.match(await stream.append(each, n), { status: 'accepted' })
    const stored = parts.map((each, n) => ({ ...plain(each), position: n + 1 }))
    const read: StoredPart[] = []
    while (read.length < 4) read.push(...(await other.read(read.length, 4)))
    t.same(read.map(plain), stored)
    t.same((await stream.read(2, 3)).map(plain), [stored[2]])
    await until(() => told.length === 4)
    t.same(told.map(plain), stored)
    unlisten()
    await stream.append(part('untold'), 4)
    await until(async () => (await other.bounds()).last === 5)
    t.equal(told.length, 4)
  })

  t.test(`${name}: trimmed parts are gone, and positions continue`, async t => {
    const { stream, other } = await factory(t)
    for (let n = 0; n < 5; n++) await stream.append(part(`${n}`), n)
    await stream.trim(3)
    t.same(await other.bounds(), { first: 4, last: 5 })
    t.same(await other.read(1, 5), [])
    t.match(await stream.append(part('6'), 5), { status: 'accepted', position: 6 })
    await stream.trim(6)
    t.same(await stream.bounds(), { first: 7, last: 6 })
    t.match(await other.append(part('7'), 6), { status: 'accepted', position: 7 })
  })

  t.test(`${name}: checkpoints are kept complete, under their positions`, async t => {
    const { stream, other } = await factory(t)
    const dir = temporaryFolder(t)
    const [from, to] = [join(dir, 'from'), join(dir, 'to')]
    t.same(await stream.checkpoints.list(), [])
    const content = randomBytes(1_000_000)
    for (const position of [9, 100, 20]) {
      writeFileSync(from, Buffer.concat([content, Buffer.from(`${position}`)]))
      await stream.checkpoints.save(position, from)
    }
    /** Waits until the queried server knows the newest checkpoint. */
    const listed = (count: number) =>
      until(async () => {
        const all = await other.checkpoints.list()
        return all.length === count && all
      })
    t.same(await listed(3), [100, 20, 9], 'newest first')
    await other.checkpoints.load(20, to)
    t.ok(readFileSync(to).equals(Buffer.concat([content, Buffer.from('20')])))
    await stream.checkpoints.remove(20)
    t.same(await listed(2), [100, 9])
    await t.rejects(other.checkpoints.load(20, to))
  })
}
