import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Test, test } from 'tap'
import { systemClock } from '../../../src/clock.ts'
import { Supervised } from '../../../src/processes/supervised.ts'

/** A process that runs this Node program, with a record of its starts and ends. */
function start(t: Test, program: string, pauseMs = 10) {
  const said: string[] = []
  const waiting = new Set<() => void>()
  const say = (text: string) => {
    said.push(text)
    for (const look of waiting) look()
  }
  const process_ = new Supervised({
    name: 'one',
    clock: systemClock,
    pauseMs,
    spawn: () => spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] }),
    onStart: () => say('start'),
    onEnd: ({ how, pauseMs }) => {
      say(`${how}, ${pauseMs} ms`)
      return true
    },
  })
  t.teardown(() => process_.stop(0))
  process_.start()
  const times = (count: number) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (said.length < count) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  return { process: process_, said, times }
}

test('a process that ends is restarted, after longer and longer pauses', async t => {
  const { said, times } = start(t, 'process.exit(3)')
  await times(6)
  t.strictSame(said.slice(0, 6), [
    'start',
    'exit code 3, 10 ms',
    'start',
    'exit code 3, 20 ms',
    'start',
    'exit code 3, 40 ms',
  ])
})

test('a killed process is restarted', async t => {
  const { process, said, times } = start(t, 'setInterval(() => {}, 1000)')
  process.child!.kill('SIGKILL')
  await times(3)
  t.strictSame(said, ['start', 'SIGKILL, 10 ms', 'start'])
  await process.stop(5000)
  t.equal(process.child, undefined)
  t.equal(said.length, 3, 'but not once stopped')
})

test('a process that ignores its termination is killed, and a stop during a pause prevents the restart', async t => {
  const { process, said } = start(
    t,
    "process.on('SIGTERM', () => {}); console.log('deaf'); setInterval(() => {}, 1000)",
  )
  await once(process.child!.stdout!, 'data')
  await process.stop(50)
  t.strictSame(said, ['start'])
  const other = start(t, '', 60_000)
  await other.times(2)
  await other.process.stop(5000)
  t.strictSame(other.said, ['start', 'exit code 0, 60000 ms'])
})

test('a missing program is reported', async t => {
  const ends: string[] = []
  const missing = new Supervised({
    name: 'none',
    clock: systemClock,
    pauseMs: 1,
    spawn: () => spawn('/nonexistent/program'),
    onEnd: ({ how }) => {
      ends.push(how)
      return ends.length < 2
    },
  })
  missing.start()
  while (ends.length < 2) await new Promise(setImmediate)
  t.match(ends, [/ENOENT/, /ENOENT/])
  await missing.stop(0)
})
