import { matchEvent } from '@fleetwire/protocol'
import t from 'tap'
import { canSeeTopic } from '../../../src/auth/permissions.ts'
import type { Principal } from '../../../src/auth/principal.ts'
import { SubscriptionIndex } from '../../../src/broadcast/subscription-index.ts'
import { seededRandom } from '../../helpers/random.ts'

const principal = (sub: string, agents: string[] = ['*'], role: Principal['role'] = 'viewer'): Principal => ({
  sub,
  role,
  agents,
  expiresAt: 0,
})

t.test('[EV4] a member gets an event once, however many of its patterns match', async t => {
  const index = new SubscriptionIndex<string>()
  index.set('a', ['agents.>', 'agents.*.status', 'tasks.t1.>'], principal('ann'))
  t.equal(index.audiencesOf('agents.x.status', 't1').length, 1)
  t.equal(index.audiencesOf('agents.x.log').length, 1)
  t.equal(index.audiencesOf('tasks.t2.status').length, 0)
  t.equal(index.audiencesOf('$tokens.1').length, 0)
})

t.test('members with equal patterns and rights are one audience, which is removed with the last of them', async t => {
  const index = new SubscriptionIndex<string>()
  index.set('a', ['agents.>', 'tasks.>'], principal('ann'))
  index.set('b', ['tasks.>', 'agents.>'], principal('bob'))
  index.set('c', ['agents.>', 'tasks.>'], principal('cyd', ['prod-*']))
  const [everybody] = index.audiencesOf('agents.dev-1.status')
  t.same([...everybody!.members], ['a', 'b'])
  t.equal(index.audiencesOf('agents.prod-1.status').length, 2)
  index.delete('a')
  index.delete('b')
  t.same(index.audiencesOf('agents.dev-1.status'), [])
  t.equal(index.size, 1)
})

t.test('[PM6] only its owner sees an inbox, even with wildcards', async t => {
  const index = new SubscriptionIndex<string>()
  for (const sub of ['ann', 'bob']) index.set(sub, ['>'], principal(sub))
  const [only, ...others] = index.audiencesOf('users.ann.inbox')
  t.same([...only!.members], ['ann'])
  t.same(others, [])
  t.same(index.audiencesOf('system.connections'), [])
  index.set('root', ['>'], principal('root', ['*'], 'admin'))
  t.equal(index.audiencesOf('system.connections').length, 1)
})

t.test('the index agrees with matchEvent and canSeeTopic, whatever is added and removed', async t => {
  const seed = Number(process.env.SEED ?? 7)
  const random = seededRandom(seed)
  const tokens = ['a', 'b', 'status', 'log', '*', '>']
  const roots = ['agents', 'tasks', 'users', '*', '>']
  const makePattern = () => {
    const pattern = [random.pick(roots)]
    while (pattern.at(-1) !== '>' && random.next() < 0.8) pattern.push(random.pick(tokens))
    return pattern.join('.')
  }
  const makeTopic = () => {
    const topic = [random.pick(['agents', 'tasks', 'users', 'system'])]
    do topic.push(random.pick(['a', 'b', 'status', 'log']))
    while (random.next() < 0.6)
    return topic.join('.')
  }
  const index = new SubscriptionIndex<string>()
  const members = new Map<string, { patterns: string[]; who: Principal }>()
  for (let step = 0; step < 2000; step++) {
    const member = `m${random.below(12)}`
    if (random.next() < 0.3) {
      index.delete(member)
      members.delete(member)
    } else {
      const patterns = Array.from({ length: 1 + random.below(3) }, makePattern)
      const agents = random.pick([['*'], ['a'], ['b*']])
      const who = principal(random.pick(['a', 'b']), agents, random.pick(['viewer', 'admin']))
      index.set(member, patterns, who)
      members.set(member, { patterns, who })
    }
    const topic = makeTopic()
    const taskId = random.next() < 0.4 ? random.pick(['a', 'b']) : undefined
    const want = [...members]
      .filter(
        ([, { patterns, who }]) => canSeeTopic(who, topic) && patterns.some(p => matchEvent(p, { topic, taskId })),
      )
      .map(([name]) => name)
    const have = index.audiencesOf(topic, taskId).flatMap(({ members }) => [...members])
    if (want.sort().join() !== have.sort().join()) t.same(have, want, `seed ${seed} step ${step}: ${topic} ${taskId}`)
  }
  for (const member of members.keys()) index.delete(member)
  t.equal(index.size, 0)
})
