import t from 'tap'
import { Pacer } from './pacer.ts'
import { FakeClock } from './testing/fake-clock.ts'

t.test('a flood leaves at the rate of the server, and nothing of it is lost', async t => {
  const clock = new FakeClock()
  const sent: string[] = []
  const queue = Array.from({ length: 1_000 }, (_, i) => `${i}`)
  const pacer = new Pacer({
    clock,
    send: text => sent.push(text) > 0,
    bufferedAmount: () => 0,
    sources: [() => undefined, () => queue.shift()],
  })
  pacer.pump()
  t.equal(sent.length, 0, 'closed: nothing leaves')
  pacer.open({ frameRate: 100, frameBurst: 200 })
  t.equal(sent.length, 160)
  clock.advance(1_000)
  t.ok(sent.length <= 160 + 80 + 1, `${sent.length} after a second`)
  clock.advance(20_000)
  t.same(
    sent,
    Array.from({ length: 1_000 }, (_, i) => `${i}`),
  )
  pacer.close()
  t.equal(clock.timers, 0)
})

t.test('a socket that takes no more pauses it', async t => {
  const clock = new FakeClock()
  let buffered = 2 * 1024 * 1024
  let sent = 0
  const pacer = new Pacer({
    clock,
    send: () => ++sent > 0,
    bufferedAmount: () => buffered,
    sources: [() => (sent < 3 ? 'x' : undefined)],
  })
  pacer.open({ frameRate: 100, frameBurst: 200 })
  clock.advance(10_000)
  t.equal(sent, 0)
  buffered = 0
  clock.advance(25)
  t.equal(sent, 3)
  pacer.close()
})

t.test('what a source adds while it gives a frame follows that frame', async t => {
  const clock = new FakeClock()
  const sent: string[] = []
  const queue: string[] = []
  let given = false
  const pacer: Pacer = new Pacer({
    clock,
    send: text => sent.push(text) > 0,
    bufferedAmount: () => 0,
    sources: [
      () => queue.shift(),
      () => {
        if (given) return undefined
        given = true
        queue.push('second')
        pacer.pump()
        return 'first'
      },
    ],
  })
  pacer.open({ frameRate: 100, frameBurst: 200 })
  t.same(sent, ['first', 'second'])
})
