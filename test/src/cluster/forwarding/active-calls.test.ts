import { type Test, test } from 'tap'
import type { ActiveNode } from '../../../../src/cluster/cluster-node.ts'
import { ActiveCalls, type Attempt } from '../../../../src/cluster/forwarding/active-calls.ts'
import { Listeners } from '../../../../src/listeners.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'

const nodeOf = (node: string): ActiveNode => ({ node, address: `http://${node}`, key: node })
const turn = () => new Promise(resolve => setImmediate(resolve))

function stage(t: Test) {
  const clock = new FakeClock()
  const roles = new Listeners<[]>()
  const draining = new AbortController()
  let active: ActiveNode | undefined
  const cluster = {
    node: 'here',
    get active() {
      return active
    },
    onRole: (listener: () => void) => roles.add(listener),
    whenActive: (timeoutMs: number) =>
      new Promise<ActiveNode | undefined>(resolve => {
        clock.setTimeout(() => resolve(active), timeoutMs)
        roles.add(() => active !== undefined && resolve(active))
      }),
  }
  const calls = new ActiveCalls({ cluster, clock, draining: draining.signal })
  t.teardown(() => calls.stop())
  return {
    ...{ clock, calls, draining },
    activate(node: string | undefined) {
      active = node === undefined ? undefined : nodeOf(node)
      roles.tell()
    },
  }
}

/** Each attempt of a call, which the test settles. */
function tries() {
  const asked: { node: string; signal: AbortSignal; settle: (attempt: Attempt<string>) => void; fail: () => void }[] =
    []
  const attempt = (active: ActiveNode, signal: AbortSignal) =>
    new Promise<Attempt<string>>((settle, reject) => {
      asked.push({ node: active.node, signal, settle, fail: () => reject(new Error('cut')) })
    })
  return { asked, attempt }
}

/** Two calls that the active node has yet to answer. */
async function twoInProgress({ calls, activate }: Pick<ReturnType<typeof stage>, 'calls' | 'activate'>) {
  const { asked, attempt } = tries()
  activate('a')
  const first = calls.call({ attempt, isSafe: false })
  const second = calls.call({ attempt, isSafe: false })
  await turn()
  return { asked, attempt, first, second }
}

const unavailable = { code: 'unavailable', details: { retryAfterMs: 1000 } }

test('[NO8] a call waits for at most 10 s in total, or until its sender disconnects or this node stops', async t => {
  const { calls, clock, draining } = stage(t)
  const { asked, attempt } = tries()
  const called = calls.call({ attempt, isSafe: false })
  clock.advance(9999)
  await turn()
  clock.advance(1)
  t.match(await called, { status: 'not-done', error: { ...unavailable, message: /Nothing was accepted/ } })
  const gone = new AbortController()
  const left = calls.call({ attempt, isSafe: false, gone: gone.signal })
  gone.abort()
  t.match(await left, { status: 'not-done' })
  const late = calls.call({ attempt, isSafe: false })
  draining.abort()
  t.match(await late, { status: 'not-done', error: { message: /closing/ } })
  t.same(asked, [])
})

test('[NO6] [NO8] the time that a node waited before doing nothing counts', async t => {
  const { calls, clock, activate } = stage(t)
  const { asked, attempt } = tries()
  activate('a')
  let isOver = false
  const called = calls.call({ attempt, isSafe: false }).finally(() => {
    isOver = true
  })
  const from = clock.monotonic()
  for (let n = 0; !isOver; n++) {
    await turn()
    clock.advance(1000)
    asked[n]!.settle({ status: 'not-done' })
    await turn()
    clock.advance(250)
    await turn()
  }
  t.match(await called, { status: 'not-done', error: unavailable })
  t.ok(clock.monotonic() - from <= 11_250, `${clock.monotonic() - from} ms`)
})

test('[NO9] a call that was not carried out is retried on the next active node, even this one, if it can be sent again', async t => {
  const { calls, clock, activate } = stage(t)
  const { asked, attempt } = tries()
  activate('a')
  const called = calls.call({ attempt, isSafe: false })
  await turn()
  asked[0]!.settle({ status: 'not-done' })
  await turn()
  clock.advance(250)
  await turn()
  t.equal(asked[1]!.node, 'a', 'no other node is known yet')
  asked[1]!.settle({ status: 'not-done' })
  await turn()
  activate('b')
  await turn()
  t.equal(asked[2]!.node, 'b', 'a change of roles ends the wait')
  asked[2]!.settle({ status: 'answered', answer: 'done' })
  t.same(await called, { status: 'answered', answer: 'done' })

  const once = calls.call({ attempt, isSafe: false, canRepeat: () => false })
  await turn()
  asked[3]!.settle({ status: 'not-done' })
  t.match(await once, { status: 'not-done' })
  activate('here')
  t.same(await calls.call({ attempt, isSafe: false }), { status: 'here' })
  t.same(calls.stats(), { answered: 1, not_done: 1, unknown: 0 })
})

test('[NO10] a call that may have been carried out is not retried unless it is harmless', async t => {
  const { calls, activate } = stage(t)
  const { asked, attempt } = tries()
  activate('a')
  const called = calls.call({ attempt, isSafe: false })
  await turn()
  asked[0]!.fail()
  t.match(await called, { status: 'unknown', error: { ...unavailable, details: { outcome: 'unknown' } } })
  const safe = calls.call({ attempt, isSafe: true })
  await turn()
  asked[1]!.fail()
  await turn()
  activate('b')
  await turn()
  asked[2]!.settle({ status: 'answered', answer: 'read' })
  t.same(await safe, { status: 'answered', answer: 'read' })
})

test('[NO10] after a node is replaced, or when this one stops, its response may take 5 s', async t => {
  const { calls, clock, activate, draining } = stage(t)
  const { asked, attempt, first, second } = await twoInProgress({ calls, activate })
  activate(undefined)
  activate('b')
  clock.advance(4999)
  asked[0]!.settle({ status: 'answered', answer: 'in time' })
  t.same(await first, { status: 'answered', answer: 'in time' })
  t.notOk(asked[1]!.signal.aborted)
  clock.advance(1)
  t.match(await second, { status: 'unknown' })
  t.ok(asked[1]!.signal.aborted)

  const third = calls.call({ attempt, isSafe: false })
  await turn()
  draining.abort()
  const last = calls.call({ attempt, isSafe: false })
  await turn()
  asked[3]!.settle({ status: 'answered', answer: 'still taken' })
  t.same(await last, { status: 'answered', answer: 'still taken' })
  clock.advance(5000)
  t.match(await third, { status: 'unknown' })
  t.equal(clock.pending, 0, 'no timer is left')
})

test('[NO10] while no node is active, the response of the last one may take 10 s', async t => {
  const { calls, clock, activate } = stage(t)
  const { asked, first, second } = await twoInProgress({ calls, activate })
  activate(undefined)
  clock.advance(9999)
  activate('a')
  clock.advance(60_000)
  asked[0]!.settle({ status: 'answered', answer: 'it was back in time' })
  t.same(await first, { status: 'answered', answer: 'it was back in time' })

  activate(undefined)
  clock.advance(5000)
  // Another change of roles, such as being cut off, does not begin the wait again.
  activate(undefined)
  clock.advance(4999)
  await turn()
  t.notOk(asked[1]!.signal.aborted)
  clock.advance(1)
  t.match(await second, { status: 'unknown', error: { details: { outcome: 'unknown' } } })
  t.ok(asked[1]!.signal.aborted)
  t.equal(clock.pending, 0, 'no timer is left')
})
