import t, { type Test } from 'tap'
import { FakeClock } from '../testing/fake-clock.ts'
import { FrameScheduler } from './frame-scheduler.ts'

function setUp(t: Test, costMs = 0) {
  const clock = new FakeClock()
  let frames: (() => void)[] = []
  const globals = globalThis as { requestAnimationFrame?: unknown; cancelAnimationFrame?: unknown }
  globals.requestAnimationFrame = (callback: () => void) => frames.push(callback)
  globals.cancelAnimationFrame = (id: number) => {
    frames[id - 1] = () => {}
  }
  t.after(() => {
    delete globals.requestAnimationFrame
    delete globals.cancelAnimationFrame
  })
  let flushes = 0
  const scheduler = new FrameScheduler(clock, () => {
    flushes++
    clock.advance(costMs)
  })
  /** Simulates the browser drawing a frame. */
  async function draw() {
    const due = frames
    frames = []
    for (const callback of due) callback()
    await Promise.resolve()
  }
  return { clock, scheduler, draw, flushes: () => flushes }
}

t.test('however much comes, it is flushed once a frame, and not without a reason', async t => {
  const { scheduler, draw, flushes } = setUp(t)
  for (let i = 0; i < 100; i++) scheduler.schedule()
  t.equal(flushes(), 0)
  await draw()
  t.equal(flushes(), 1)
  await draw()
  t.equal(flushes(), 1)
  scheduler.schedule()
  await draw()
  t.equal(flushes(), 2)
})

t.test('a hidden page, which has no frames, is flushed by a timer', async t => {
  const { clock, scheduler, draw, flushes } = setUp(t)
  scheduler.schedule()
  clock.advance(249)
  t.equal(flushes(), 0)
  clock.advance(1)
  t.equal(flushes(), 1)
  await draw()
  t.equal(flushes(), 1, 'the frame that comes late finds nothing')
})

t.test('where timers are held back too, the events themselves flush', t => {
  const { clock, scheduler, flushes } = setUp(t)
  // A clock whose timers never fire.
  clock.setTimeout = () => ({ cancel() {} })
  scheduler.schedule()
  clock.advance(400)
  scheduler.schedule()
  t.equal(flushes(), 0)
  clock.advance(101)
  scheduler.schedule()
  t.equal(flushes(), 1)
  t.end()
})

t.test('after a flush that took long there is a pause of three times as much, at most 250 ms', async t => {
  const { clock, scheduler, draw, flushes } = setUp(t, 30)
  scheduler.schedule()
  await draw()
  scheduler.schedule()
  clock.advance(89)
  await draw()
  t.equal(flushes(), 1)
  clock.advance(1)
  await draw()
  t.equal(flushes(), 2)
})
