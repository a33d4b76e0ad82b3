import t from 'tap'
import { builtInRules } from '../../../../src/wrap/judge/built-in-rules.ts'
import type { ProgramRules } from '../../../../src/wrap/judge/program-rules.ts'
import { createScreenJudge } from '../../../../src/wrap/judge/screen-judge.ts'
import { compileRules } from '../../../../src/wrap/judge/screen-reading.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'
import { seededRandom } from '../../../helpers/random.ts'
import { screens, viewOf } from './screens.ts'

function judging(rules: ProgramRules) {
  const clock = new FakeClock()
  const told: string[] = []
  const at: number[] = []
  const judge = createScreenJudge(compileRules(rules), clock, guess => {
    told.push(`${guess.work} by ${guess.from}${guess.detail === undefined ? '' : `: ${guess.detail}`}`)
    at.push(clock.monotonic())
  })
  return {
    clock,
    judge,
    told,
    at,
    show: (screen: string) => judge.screen(viewOf(screen)),
    /** Draws a new screen every `everyMs`, for `ms`. */
    draw(ms: number, everyMs: number, screen: (i: number) => string) {
      for (let i = 0; i * everyMs < ms; i++) {
        judge.screen(viewOf(screen(i)))
        clock.advance(everyMs)
      }
    },
  }
}

const builtIn = (name: string) => builtInRules.find(rules => rules.name === name)!
const drawn = (program: string, shows: string) =>
  screens.find(screen => screen.program === program && screen.shows === shows)!.screen
const claude = {
  idle: drawn('claude-code', 'idle'),
  working: (i: number) => drawn('claude-code', 'working').replace('12s', `${i}s`),
  waiting: drawn('claude-code', 'waiting'),
}

t.test('a turn with a question is followed from start to end', async t => {
  const { clock, judge, told, show, draw } = judging(builtIn('claude-code'))
  t.match(judge.guess, { work: 'starting' })
  show(claude.idle)
  clock.advance(3000)
  draw(5000, 200, claude.working)
  show(claude.waiting)
  clock.advance(60_000)
  draw(5000, 200, claude.working)
  show(claude.idle)
  clock.advance(60_000)
  t.same(told, [
    'idle by rules',
    'working by rules',
    'waiting by rules: Do you want to proceed?',
    'working by rules',
    'idle by rules',
  ])
})

t.test('a program whose marks have changed is judged by its rhythm', async t => {
  const { clock, told, show, draw } = judging(builtIn('claude-code'))
  const renamed = (i: number) => `⏺ Reading\n\n◈ step ${i} of the plan\n\n───\n❯ ▯\n───`
  show(renamed(0))
  clock.advance(5000)
  draw(8000, 100, renamed)
  clock.advance(5000)
  t.same(told, ['idle by rules', 'working by rhythm', 'idle by rules'])
})

t.test('without rules, the rhythm decides', async t => {
  const { clock, told, draw, judge } = judging(builtIn('any'))
  draw(4000, 100, i => `building ${i}`)
  t.same(told, ['working by rhythm'])
  clock.advance(1500)
  t.same(told, ['working by rhythm'], 'a short break does not count')
  clock.advance(2500)
  t.same(told, ['working by rhythm', 'idle by rhythm'])
  for (let i = 0; i < 40; i++) {
    judge.output()
    clock.advance(100)
  }
  t.equal(told.length, 2, 'output that does not change the screen is no work')
})

t.test('output alone has a rhythm if no screen is drawn', async t => {
  const { clock, told, judge } = judging(builtIn('any'))
  for (let i = 0; i < 40; i++) {
    judge.output()
    clock.advance(100)
  }
  clock.advance(4000)
  t.same(told, ['working by rhythm', 'idle by rhythm'])
})

t.test('a spinner that vanishes between two frames and a clock on an idle screen change nothing', async t => {
  const spinning = judging(builtIn('claude-code'))
  spinning.draw(20_000, 100, i => (i % 3 === 0 ? claude.idle : claude.working(i)))
  spinning.clock.advance(10)
  t.match(spinning.told, [/^working/])
  t.equal(spinning.told.length, 1)

  for (const everyMs of [1000, 700, 650, 3000, 60_000]) {
    const ticking = judging(builtIn('claude-code'))
    ticking.draw(everyMs * 40, everyMs, i => `${claude.idle}\n ctx 12% · 10:00:${i}`)
    t.same(ticking.told, ['idle by rules'], `every ${everyMs} ms`)
  }
})

t.test('a program that pauses does not flap, because its breaks are learned', async t => {
  for (const everyMs of [2500, 4000, 7000]) {
    const { told, draw, clock } = judging(builtIn('any'))
    for (let round = 0; round < 30; round++) {
      draw(1000, 100, i => `round ${round}, step ${i}`)
      clock.advance(everyMs)
    }
    t.ok(told.length <= 6, `${told.length} changes with breaks of ${everyMs} ms`)
    t.equal(told.at(-1), 'working by rhythm')
  }
})

t.test('typing is no work, and neither is a single redraw', async t => {
  const { told, draw, clock, judge, show } = judging(builtIn('any'))
  show('shell\n▯')
  clock.advance(5000)
  t.same(told, ['idle by rhythm'])
  for (let i = 0; i < 50; i++) {
    judge.input()
    draw(100, 50, step => `typed ${i}.${step}▯`)
  }
  clock.advance(5000)
  show('resized')
  clock.advance(5000)
  t.same(told, ['idle by rhythm'])
})

t.test('a screen left at "working" is not believed forever', async t => {
  const { told, clock, draw } = judging(builtIn('codex'))
  draw(3000, 200, i => drawn('codex', 'working').replace('3s', `${i}s`))
  clock.advance(80_000)
  t.same(told, ['working by rules'])
  clock.advance(20_000)
  t.same(told, ['working by rules', 'idle by rhythm'])
})

t.test('a shell that runs a silent command is working, once its prompt is known', async t => {
  const { told, clock, show, judge } = judging(builtIn('bash'))
  show('ann@host:~$ ▯')
  clock.advance(2000)
  judge.input()
  show('ann@host:~$ sleep 600▯')
  clock.advance(5000)
  t.same(told, ['idle by rules'], 'a line that is being typed is no command yet')
  show('ann@host:~$ sleep 600\n▯')
  clock.advance(500_000)
  t.same(told, ['idle by rules', 'working by rules'])
  show('ann@host:~$ sleep 600\nann@host:~$ ▯')
  clock.advance(2000)
  t.same(told, ['idle by rules', 'working by rules', 'idle by rules'])
})

t.test('a shell with an unknown prompt is judged by its rhythm, and does not seem to work forever', async t => {
  const { told, clock, show } = judging(builtIn('bash'))
  show('~/src on main\n⟩⟩ ▯')
  clock.advance(100_000)
  t.same(told, ['idle by rhythm'])
})

t.test('a second question is reported, and a program that has ended is no longer judged', async t => {
  const { told, clock, show, judge } = judging(builtIn('bash'))
  show('Overwrite a? [y/N] ▯')
  clock.advance(2000)
  show('Overwrite a? [y/N] y\nOverwrite b? [y/N] ▯')
  clock.advance(2000)
  t.same(told, ['waiting by rules: Overwrite a? [y/N]', 'waiting by rules: Overwrite b? [y/N]'])
  show('$ ▯')
  judge.stop()
  clock.advance(10_000)
  show('$ ▯')
  judge.output()
  t.equal(told.length, 2)
  t.equal(clock.pending, 0)
})

t.test('whatever is drawn, a guess lasts at least a second and every program becomes idle', async t => {
  for (let seed = 1; seed <= 400; seed++) {
    const { next: dice, pick } = seededRandom(seed)
    const rules = pick(builtInRules)
    const { at, clock, judge, show } = judging(rules)
    const own = screens.filter(({ program }) => program === rules.name)
    for (let step = 0; step < 120; step++) {
      const what = dice()
      if (what < 0.2) judge.input()
      else if (what < 0.4) judge.output()
      else show(what < 0.7 ? pick(own).screen : `noise ${step}\n${pick(own).screen}`)
      clock.advance(Math.floor(dice() ** 4 * 4000))
    }
    const gaps = at.slice(1).map((time, i) => time - at[i]!)
    if (gaps.some(gap => gap < 1000)) t.fail(`seed ${seed} (${rules.name}): ${gaps}`)
    const { shows, screen } = pick(own)
    show(screen)
    clock.advance(200_000)
    const { work } = judge.guess
    // A screen without a match, or one that stays at "working", ends as idle; a known prompt can make it working.
    const fits = shows === 'waiting' || shows === 'idle' ? work === shows : work === 'idle' || work === 'working'
    if (!fits) t.fail(`seed ${seed} (${rules.name}): ${work} where the screen shows ${shows}`)
    judge.stop()
    if (clock.pending !== 0) t.fail(`seed ${seed}: a timer is left`)
  }
  t.pass('400 programs')
})
