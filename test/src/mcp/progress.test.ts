import { test } from 'tap'
import { limits } from '../../../src/mcp/limits.ts'
import { Progress } from '../../../src/mcp/progress.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

test('each change is reported at once, repetitions only as a sign of life, and the number always increases', async t => {
  const clock = new FakeClock()
  const told: [number, string][] = []
  const progress = new Progress(clock, ({ progress, message }) => void told.push([progress, message]))
  for (const message of ['queued', 'running', 'running', 'running, 50 %']) progress.tell(message)
  clock.advance(limits.progressMs - 1)
  progress.tell('running, 50 %')
  clock.advance(1)
  progress.tell('running, 50 %')
  progress.tell('succeeded')
  const seconds = limits.progressMs / 1000
  t.same(told, [
    [0.001, 'queued'],
    [0.002, 'running'],
    [0.003, 'running, 50 %'],
    [seconds, 'running, 50 %'],
    [seconds + 0.001, 'succeeded'],
  ])
})
