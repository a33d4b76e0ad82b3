import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { MemoryCommitStream, MemoryStreamStore } from '../helpers/memory-commit-stream.ts'
import { seededRandom } from '../helpers/random.ts'
import { flawsOf, RivalWriter } from '../helpers/rival-writer.ts'
import { seed, size } from '../helpers/sizes.ts'

const RUNS = size('RIVAL_WRITERS', { quick: 15, full: 4000 })
const first = seed()

/** Three writers of one stream, on a network that loses, delays, repeats and cuts off messages. */
async function run(number: number) {
  const random = seededRandom(number)
  const clock = new FakeClock()
  const store = new MemoryStreamStore()
  const chance = () => random.pick([0, 0.02, 0.2])
  const rivals = ['a', 'b', 'c'].map(name => {
    const faults = { delayMs: random.pick([2, 30, 400]), lost: chance(), mute: chance(), late: chance() }
    const rest = { refused: chance(), untold: chance(), stale: chance() }
    const stream = new MemoryCommitStream(store, clock, random, { ...faults, ...rest })
    stream.maxPartBytes = 200
    return new RivalWriter(name, stream, clock)
  })
  let steps = 0
  let isOver = false
  const work = rivals.map(async rival => {
    while (!isOver) {
      const { status } = await rival.step(random.pick([0, 0, 0, 300, 700]))
      steps++
      // A leader continues at once; another writer tries again some time later.
      await rival.rest(status === 'written' ? random.below(20) : random.below(5000))
    }
  })
  for (let ms = 0; ms < 60_000 || steps < 30; ms += 40) {
    if (random.next() < 0.004) {
      const { stream } = random.pick(rivals)
      if (stream instanceof MemoryCommitStream) stream.isCut = !stream.isCut
    }
    if (ms > 60_000) for (const { stream } of rivals) (stream as MemoryCommitStream).isCut = false
    clock.advance(40)
    await turn()
  }
  isOver = true
  for (const rival of rivals) rival.stop()
  for (let left = true; left; ) {
    void Promise.all(work).then(() => {
      left = false
    })
    clock.advance(5000)
    await turn()
  }
  const flaws = await flawsOf(new MemoryCommitStream(store, clock), clock, rivals)
  return { flaws, rivals, parts: store.parts.length }
}

t.test('whatever a network does, the results that writers get of their commits match the stream', async t => {
  let written = 0
  let deposed = 0
  for (let number = first; number < first + RUNS; number++) {
    const { flaws, rivals } = await run(number)
    if (flaws.length > 0) t.same(flaws, [], `SEED=${number}`)
    written += rivals.reduce((sum, { told }) => sum + told.written.length, 0)
    deposed += rivals.reduce((sum, rival) => sum + rival.deposed, 0)
  }
  t.comment(`${RUNS} runs from seed ${first}: ${written} commits, ${deposed} writers deposed`)
  t.ok(written > RUNS * 15, 'the writers commit')
  t.ok(deposed > RUNS, 'the writers replace each other')
})
