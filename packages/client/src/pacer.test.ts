import t from 'tap'
import { Pacer } from './pacer.ts'
import { FakeClock } from './testing/fake-clock.ts'

const limits = { maxFrameBytes: 262_144, frameRate: 100, frameBurst: 200 }

t.test('a flood is sent at the server’s rate, and nothing is lost', async t => {
  const clock = new FakeClock()
  const sent: string[] = []
  let messages = 0
  const queue = Array.from({ length: 1_000 }, (_, i) => `${i}`)
  const pacer = new Pacer({
    clock,
    send: text => {
      messages++
      sent.push(...text.split('\n'))
    },
    bufferedAmount: () => 0,
    sources: [() => undefined, () => queue.shift()],
  })
  pacer.pump()
  t.equal(sent.length, 0, 'closed: nothing leaves')
  pacer.open(limits)
  t.equal(sent.length, 160)
  t.equal(messages, 1, 'what may go at once goes in one message, though the limit counts frames')
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

t.test('a congested socket pauses it', async t => {
  const clock = new FakeClock()
  let buffered = 2 * 1024 * 1024
  const sent: string[] = []
  const queue = ['a', 'b', 'c']
  const pacer = new Pacer({
    clock,
    send: text => sent.push(text),
    bufferedAmount: () => buffered,
    sources: [() => queue.shift()],
  })
  pacer.open(limits)
  clock.advance(10_000)
  t.same(sent, [])
  buffered = 0
  clock.advance(25)
  t.same(sent, ['a\nb\nc'])
  pacer.close()
})

t.test('what a source adds while it returns a frame comes after that frame', async t => {
  const clock = new FakeClock()
  const sent: string[] = []
  const queue: string[] = []
  let given = false
  const pacer: Pacer = new Pacer({
    clock,
    send: text => sent.push(text),
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
  pacer.open(limits)
  t.same(sent, ['first\nsecond'])
})

t.test('frames fill messages of 64 KiB, or of the server’s frame limit; a larger one stands alone', async t => {
  for (const [maxFrameBytes, size, expected] of [
    [262_144, 1_000, [65, 65, 65, 5]],
    [1_100, 200, [5, 5, 5]],
  ] as const) {
    const sent: string[] = []
    // 'é' is two bytes.
    const queue = Array.from({ length: expected.reduce((sum, n) => sum + n, 0) }, () => 'é'.repeat(size / 2))
    queue.splice(expected[0], 0, 'L'.repeat(100_000))
    const total = queue.join('\n')
    const pacer = new Pacer({
      clock: new FakeClock(),
      send: text => sent.push(text),
      bufferedAmount: () => 0,
      sources: [() => queue.shift()],
    })
    pacer.open({ maxFrameBytes, frameRate: 1_000, frameBurst: 1_000 })
    t.equal(sent.join('\n'), total)
    const [large, ...others] = [...sent].sort((a, b) => b.length - a.length)
    t.equal(large, 'L'.repeat(100_000))
    t.ok(others.every(text => Buffer.byteLength(text) <= Math.min(65_536, maxFrameBytes)))
    t.ok(others.length <= expected.length, `${others.length} messages`)
    pacer.close()
  }
})
