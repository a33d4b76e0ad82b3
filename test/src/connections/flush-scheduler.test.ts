import t from 'tap'
import { FlushScheduler } from '../../../src/connections/flush-scheduler.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

function setUp(flushMs = 0) {
  const clock = new FakeClock()
  const turns: (() => void)[] = []
  const flushed: number[] = []
  const flusher = new FlushScheduler({ clock, flushMs, endOfTurn: turn => turns.push(turn) })
  const targets = Array.from({ length: 1000 }, (_, i) => ({ flush: () => void flushed.push(i) }))
  const request = (from: number, to: number) => {
    for (const target of targets.slice(from, to)) flusher.request(target)
  }
  /** Plays the end of one turn; what it schedules is for the next. Returns which targets were flushed. */
  const turn = () => {
    for (const end of turns.splice(0)) end()
    return flushed.splice(0)
  }
  return { clock, flusher, turns, request, turn }
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

t.test('everything due in a turn is flushed once, at its end', async t => {
  const { flusher, turns, request, turn } = setUp()
  flusher.first = () => request(90, 110)
  request(0, 100)
  request(0, 100)
  t.equal(turns.length, 1)
  t.same(turn(), range(0, 110), 'including what is handed out at its end')
  t.same(turn(), [], 'and nothing is scheduled for it')
})

t.test('many targets are flushed over several turns, first come, first served, with other work in between', async t => {
  const { request, turn, turns } = setUp()
  request(0, 300)
  t.same(turn(), range(0, 128))
  request(0, 10)
  request(290, 310)
  t.same(turn(), range(128, 256))
  t.same(turn(), [...range(256, 300), ...range(0, 10), ...range(300, 310)])
  t.equal(turns.length, 0)
})

t.test('FLUSH_MS: the first flush is immediate, then there is one per period, however many turns it takes', async t => {
  const { clock, request, turn, turns } = setUp(20)
  request(0, 200)
  t.same(turn(), range(0, 128))
  t.same(turn(), range(128, 200))
  request(0, 10)
  t.equal(turns.length, 0)
  t.same(turn(), [])
  clock.advance(20)
  t.same(turn(), range(0, 10))
})
