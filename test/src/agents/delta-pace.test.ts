import t from 'tap'
import { DeltaPace } from '../../../src/agents/delta-pace.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { startFleet } from '../../helpers/fleet.ts'

const setUp = () => {
  const clock = new FakeClock()
  const pace = new DeltaPace(clock)
  const called: string[] = []
  const caller = (name: string) => () => void called.push(name)
  return { clock, pace, called, caller }
}

t.test('the first caller after a quiet time is called at once, later ones together', async t => {
  const { clock, pace, called, caller } = setUp()
  const [a, b, c] = [caller('a'), caller('b'), caller('c')]
  pace.take(a)
  t.same(called, ['a'])
  clock.advance(1)
  pace.take(b)
  clock.advance(1)
  pace.take(c)
  pace.take(b)
  t.same(called, ['a'], 'both wait')
  clock.advance(3)
  t.same(called, ['a', 'b', 'c'], 'each is called once, 5 ms after the first')
  pace.take(a)
  clock.advance(4)
  t.same(called, ['a', 'b', 'c'], 'the next ones wait as long')
  clock.advance(1)
  t.same(called, ['a', 'b', 'c', 'a'])
  clock.advance(5)
  pace.take(c)
  t.same(called, ['a', 'b', 'c', 'a', 'c'], 'a quiet time has passed again')
  t.equal(clock.pending, 0)
})

t.test('a caller that registers during a round is called in the next one', async t => {
  const { clock, pace, called, caller } = setUp()
  pace.take(caller('a'))
  pace.take(() => pace.take(caller('again')))
  clock.advance(5)
  t.same(called, ['a'])
  clock.advance(5)
  t.same(called, ['a', 'again'])
})

t.test('a forgotten caller is not called, and after a stop no caller is', async t => {
  const { clock, pace, called, caller } = setUp()
  const [a, b] = [caller('a'), caller('b')]
  pace.take(a)
  pace.take(a)
  pace.take(b)
  pace.forget(a)
  clock.advance(5)
  t.same(called, ['a', 'b'])
  pace.take(a)
  pace.stop()
  t.equal(clock.pending, 0)
  clock.advance(5)
  t.same(called, ['a', 'b'])
})

/** Agents that stream, each in its own session; a part of the first one's message was just stored. */
async function streaming(t: Parameters<typeof startFleet>[0]) {
  const fleet = await startFleet(t)
  const start = async (agentId: string) => {
    const agent = fleet.agent(agentId)
    const message = { sessionId: `of-${agentId}`, messageId: 'm' }
    await agent.hello()
    agent.report('message:start', { ...message, role: 'assistant' })
    await agent.acked(1)
    return {
      say: (delta: string) => agent.report('message:delta', { ...message, delta }),
      end: () => agent.report('message:end', message),
      acked: (n: number) => agent.acked(n),
      cut: () => agent.cut(),
    }
  }
  const [first, second] = [await start('a1'), await start('a2')]
  first.say('one ')
  await first.acked(2)
  const texts = () =>
    fleet.events
      .filter(event => event.type === 'message:delta')
      .map(({ topic, payload }) => `${topic.split('.')[1]} ${(payload as { delta: string }).delta}`)
  return { fleet, first, second, texts }
}

t.test('[UP2] text parts of several agents are collected, in order per agent, and stored together', async t => {
  const { fleet, first, second, texts } = await streaming(t)
  for (const word of ['two ', 'three ']) first.say(word)
  for (const word of ['uno ', 'dos ']) second.say(word)
  await new Promise(setImmediate)
  t.same(texts(), ['a1 one '])
  fleet.clock.advance(5)
  await Promise.all([first.acked(4), second.acked(3)])
  // The order of the two agents does not matter.
  t.same(texts().sort(), ['a1 one ', 'a1 two three ', 'a2 uno dos '])
})

t.test('[UP2] a report that is no delta is stored at once, together with the deltas that wait before it', async t => {
  const { first, second, texts } = await streaming(t)
  first.say('two ')
  second.say('uno ')
  first.end()
  await first.acked(4)
  t.same(texts(), ['a1 one ', 'a1 two '], 'the clock stands still, and the other agent waits')
})

t.test('[UP2] deltas that fill a whole append do not wait', async t => {
  const { first, texts } = await streaming(t)
  for (let i = 0; i < 256; i++) first.say('x')
  await first.acked(258)
  t.same(texts(), ['a1 one ', `a1 ${'x'.repeat(256)}`])
})

t.test('a connection that closes and a fleet that stops leave nothing waiting', async t => {
  const { fleet, first, second } = await streaming(t)
  for (const agent of [first, second]) agent.say('lost ')
  second.cut()
  await fleet.stop()
  t.equal(fleet.timers.pending, 0)
})
