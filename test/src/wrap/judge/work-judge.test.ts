import t from 'tap'
import { builtInRules } from '../../../../src/wrap/judge/built-in-rules.ts'
import { compileRules } from '../../../../src/wrap/judge/screen-reading.ts'
import { createWorkJudge } from '../../../../src/wrap/judge/work-judge.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'
import { screens, viewOf } from './screens.ts'

function judging(name = 'claude-code') {
  const clock = new FakeClock()
  const told: string[] = []
  const rules = builtInRules.find(rules => rules.name === name)!
  const judge = createWorkJudge(compileRules(rules), clock, ({ work, detail, evidence }) =>
    told.push(`${work} ${evidence}${detail === '' ? '' : `: ${detail}`}`),
  )
  const show = (shows: string) =>
    judge.screen(viewOf(screens.find(screen => screen.program === name && screen.shows === shows)!.screen))
  return { clock, judge, told, show }
}

t.test('what the screen shows is guessed, what the program says is reported', async t => {
  const { clock, judge, told, show } = judging()
  show('idle')
  clock.advance(2000)
  judge.reported({ work: 'working' })
  judge.reported({ work: 'waiting', detail: 'Which one?' })
  judge.reported({ work: 'waiting', detail: 'Which one?' })
  judge.reported({ work: 'idle' })
  t.same(told, ['idle guessed', 'working reported', 'waiting reported: Which one?', 'idle reported'])
})

t.test('a report outlasts silence and any rhythm', async t => {
  const { clock, judge, told } = judging('any')
  judge.reported({ work: 'working', detail: 'Bash' })
  clock.advance(300_000)
  judge.heard()
  clock.advance(500_000)
  for (let i = 0; i < 50; i++) {
    judge.output()
    clock.advance(100)
  }
  t.same(told, ['working reported: Bash'])
  clock.advance(600_000)
  t.same(told, ['working reported: Bash', 'idle guessed'], 'until the program was silent for ten minutes')
})

t.test('a screen whose rules contradict a report for ten seconds makes it stale', async t => {
  const { clock, judge, told, show } = judging()
  judge.reported({ work: 'working' })
  show('working')
  clock.advance(5000)
  show('idle')
  clock.advance(9000)
  t.same(told, ['working reported'])
  judge.heard()
  clock.advance(9000)
  t.same(told, ['working reported'], 'reports in the meantime count')
  clock.advance(5000)
  t.same(told, ['working reported', 'idle guessed'], 'a person cancelled the turn, which no hook reports')
  judge.reported({ work: 'working' })
  t.equal(told.at(-1), 'working reported')
  judge.stop()
  clock.advance(1_000_000)
  t.equal(told.length, 3)
  t.equal(clock.pending, 0)
})

t.test('a temporary contradiction leaves the report unchanged', async t => {
  const { clock, judge, told, show } = judging()
  judge.reported({ work: 'working' })
  for (let i = 0; i < 10; i++) {
    show('idle')
    clock.advance(8000)
    show('working')
    clock.advance(2000)
  }
  t.same(told, ['working reported'])
})
