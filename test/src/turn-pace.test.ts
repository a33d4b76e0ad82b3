import t from 'tap'
import { TurnPace } from '../../src/turn-pace.ts'

function setUp(perTurn: number) {
  const ends: (() => void)[] = []
  const pace = new TurnPace(perTurn, callback => ends.push(callback))
  const served: number[] = []
  return {
    pace,
    served,
    take: (who: number) => pace.take(() => served.push(who)),
    endTurn: () => {
      for (const end of ends.splice(0)) end()
    },
    get armed() {
      return ends.length > 0
    },
  }
}

t.test('a fixed number is served per turn, in order, and afterwards nothing is scheduled', async t => {
  const { take, served, endTurn, ...pace } = setUp(3)
  for (let i = 0; i < 8; i++) take(i)
  t.same(served, [0, 1, 2])
  endTurn()
  t.same(served, [0, 1, 2, 3, 4, 5])
  take(8)
  t.equal(served.length, 6, 'nobody overtakes')
  endTurn()
  t.same(served, [0, 1, 2, 3, 4, 5, 6, 7, 8])
  endTurn()
  t.equal(pace.armed, false)
  take(9)
  t.equal(served.at(-1), 9, 'a new turn has capacity again')
})

t.test('a caller that registers during a callback waits for a turn with capacity', async t => {
  const { pace, endTurn } = setUp(1)
  const served: string[] = []
  pace.take(() => {
    served.push('first')
    pace.take(() => served.push('second'))
  })
  t.same(served, ['first'])
  const third = pace.turn().then(() => served.push('third'))
  endTurn()
  t.same(served, ['first', 'second'])
  endTurn()
  await third
  t.same(served, ['first', 'second', 'third'])
})
