import t from 'tap'
import { planPatterns, scopeOf } from '../../../src/log/pattern-plan.ts'

t.test('a scope is the first two names of a topic', async t => {
  t.equal(scopeOf('agents.a1.commands.c1'), 'agents.a1')
  t.equal(scopeOf('agents.a1'), 'agents.a1')
  t.equal(scopeOf('agents'), 'agents')
})

t.test('patterns are searched only where matches are possible', async t => {
  const places = (topics: string[], scopes: string[], tasks: string[]) => ({ kind: 'places', topics, scopes, tasks })
  t.same(planPatterns([]), places([], [], []))
  t.same(planPatterns(['agents.a1.log', 'agents.a1.log']), places(['agents.a1.log'], [], []))
  t.same(planPatterns(['agents.a1.>', 'agents.a1.*.c1']), places([], ['agents.a1'], []))
  t.same(planPatterns(['tasks.t1.>']), places([], ['tasks.t1'], ['t1']))
  t.same(planPatterns(['tasks.t1.*']), places([], ['tasks.t1'], []), 'only `>` reaches events of other topics')
  for (const pattern of ['>', '*', '*.a1.log', 'agents.*.log', 'agents.>', 'tasks.>', 'tasks.*.>', '*.>']) {
    t.same(planPatterns(['agents.a1.log', pattern]), { kind: 'everything' }, pattern)
  }
})
