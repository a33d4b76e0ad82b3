import { Worker } from 'node:worker_threads'
import t from 'tap'
import { systemClock } from '../../../src/clock.ts'
import { TerminalHub } from '../../../src/terminals/terminal-hub.ts'
import { FakeViewer } from '../../helpers/fake-viewer.ts'
import { ReferenceScreen } from '../../helpers/reference-screen.ts'
import { render, startScreens } from '../../helpers/screens.ts'
import { until } from '../../helpers/until.ts'

const size = { cols: 80, rows: 24 }
const events = { drawn() {}, answer() {} }
const bytes = (text: string) => new Uint8Array(Buffer.from(text))

/** The drawing thread, with one word that makes it die and one that makes it hang. */
const startThread = (workerData: Int32Array) =>
  new Worker(new URL('../../helpers/fragile-screen-worker.js', import.meta.url), { workerData })

t.test(
  '[TM17] a thread that dies or hangs is replaced: its current screen is given up, the others are drawn again',
  async t => {
    for (const word of ['die', 'hang']) {
      const { screens, faults } = startScreens(t, { startThread, hangMs: 400 })
      const hub = new TerminalHub({ clock: systemClock, screens, onFault: error => t.fail('a fault', { error }) })
      const ends = { good: 0, bad: 0 }
      const say = (terminalId: 'good' | 'bad', data: string) => {
        hub.output('a1', { terminalId, offset: ends[terminalId], data, encoding: 'utf8' })
        ends[terminalId] += data.length
      }
      say('good', '\x1b[31mfine\x1b[m')
      const viewer = new FakeViewer('v1')
      hub.open(viewer, { agentId: 'a1', terminalId: 'good' })
      await viewer.next('terminal:snapshot')

      say('bad', `\x1b[1mI ${word}\x1b[m`)
      const victim = new FakeViewer('v2')
      hub.open(victim, { agentId: 'a1', terminalId: 'bad' })
      const late = new FakeViewer('v3')
      say('good', ' still')
      hub.open(late, { agentId: 'a1', terminalId: 'good' })

      t.match(await victim.next('terminal:snapshot'), {
        raw: true,
        screen: `I ${word}`,
        offset: ends.bad,
      })
      t.match(await late.next('terminal:snapshot'), { raw: undefined })
      say('good', ' alive')
      const whole = new ReferenceScreen()
      await whole.write('\x1b[31mfine\x1b[m still alive')
      for (const seen of [viewer, late]) t.same((await ReferenceScreen.of(seen.frames)).look(), whole.look(), word)
      say('bad', ' more')
      t.match(victim.of('terminal:output'), [{ data: ' more' }], 'its output continues')
      t.match(faults, [{ message: /replaced/ }])
      hub.stop()
    }
  },
)

t.test('a thread that keeps dying is not restarted for a while', async t => {
  const { screens } = startScreens(t, { startThread })
  for (let i = 0; i < 5; i++) {
    const screen = screens.open('a1', size, 0, events)
    screen.feed(0, bytes('die'), [])
    t.same(await screen.read('text'), { status: 'givenUp' })
  }
  const screen = screens.open('a1', size, 0, events)
  t.same(await screen.read('text'), { status: 'givenUp' })
})

t.test('[TM16] a screen whose output is too expensive is given up, which is no error of the server', async t => {
  const { screens, faults, tooExpensive } = startScreens(t)
  const screen = screens.open('a1', { cols: 1000, rows: 1000 }, 0, events)
  // Eleven times a million cells to clear, with 44 bytes.
  screen.feed(0, bytes('\x1b[2J'.repeat(11)), [])
  t.same(await screen.read('text'), { status: 'givenUp' })
  t.equal(await until(() => tooExpensive[0]), 'its control sequences')
  t.same(faults, [])
})

t.test('the number of cells is limited: the least recently drawn screens are dropped', async t => {
  const { screens } = startScreens(t, { maxCells: 12 * 80 * 24 })
  const opened = Array.from({ length: 20 }, () => screens.open('a1', size, 0, events))
  for (const screen of opened) {
    screen.feed(0, bytes('x'), [])
    await screen.settled()
  }
  t.equal(opened.filter(({ ended }) => ended === undefined).length, 12)
  t.equal(opened[0]?.ended, 'lost')
  t.equal(opened[19]?.ended, undefined)
})

t.test('disposing of a screen settles everything that waits for it', async t => {
  const { screens } = startScreens(t)
  const screen = screens.open('a1', size, 0, events)
  screen.feed(0, bytes('x'), [])
  const read = screen.read('text')
  const settled = screen.settled()
  screen.dispose()
  await settled
  t.same(await read, { status: 'givenUp' })
  await screens.stop()
  t.same(await screen.read('text'), { status: 'lost' })
})

t.test('readers of many terminals wait in a queue, and are refused once it is full', async t => {
  const { screens } = startScreens(t)
  const options = { readsAtOnce: 1, readsWaiting: 2 }
  const hub = new TerminalHub({
    clock: systemClock,
    screens,
    onFault: error => t.fail('a fault', { error }),
    ...options,
  })
  hub.output('a1', { terminalId: 'main', offset: 0, data: 'x', encoding: 'utf8' })
  const read = (reader: string) => hub.render({ agentId: 'a1', terminalId: 'main', format: 'text' }, reader)
  const reads = await Promise.all([read('one'), read('one'), read('one'), read('one'), read('two')])
  t.same(
    reads.map(({ status }) => status),
    ['rendered', 'rendered', 'rendered', 'busy', 'rendered'],
  )
  t.equal(await render(hub, 'a1', 'main', 'text'), 'x\n')
})
