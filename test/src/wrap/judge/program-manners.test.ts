import t from 'tap'
import { builtInRules } from '../../../../src/wrap/judge/built-in-rules.ts'
import { mannersOf } from '../../../../src/wrap/judge/program-manners.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'

t.test('rules say which keys interrupt and submit; omitted ones have defaults', async t => {
  const manners = (name: string) => mannersOf(builtInRules.find(rules => rules.name === name)!)
  t.match(manners('claude-code'), { interrupt: '\x1b', submit: '\r', submitAfterMs: 200, paste: 'auto' })
  t.match(manners('opencode'), { interrupt: '\x1b\x1b' })
  t.match(manners('any'), { interrupt: '\x03', submit: '\r', submitAfterMs: 100, paste: 'auto' })
  const own = mannersOf({ name: 'own', submit: { keys: ['ctrl-x', 'enter'], paste: 'plain', afterMs: 0 } })
  t.match(own, { interrupt: '\x03', submit: '\x18\r', submitAfterMs: 0, paste: 'plain' })
})

t.test('each program gets its own judge', async t => {
  const clock = new FakeClock()
  const { createJudge } = mannersOf(builtInRules[0]!)
  const told: string[] = []
  const [one, two] = [createJudge(clock, ({ work }) => told.push(work)), createJudge(clock, () => t.fail('was told'))]
  one.reported({ work: 'working' })
  t.same(told, ['working'])
  t.equal(two.verdict.work, 'starting')
  one.stop()
  two.stop()
})
