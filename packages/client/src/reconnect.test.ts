import t from 'tap'
import { defaultPolicy, initialReconnect, type ReconnectEvent, type ReconnectState, reconnect } from './reconnect.ts'

const highest = () => 1
const closed = (code: number, over: object = {}): ReconnectEvent => ({
  type: 'closed',
  at: 0,
  code,
  renewable: true,
  ...over,
})
const step = (state: ReconnectState, event: ReconnectEvent, random = highest) =>
  reconnect(state, event, defaultPolicy, random)

t.test('delays double from 0.5 s to the cap of 20 s, and the jitter covers everything below', async t => {
  let state = initialReconnect
  const delays: number[] = []
  for (let i = 0; i < 8; i++) {
    const next = step(state, closed(1006))
    delays.push(next.decision.do === 'wait' ? next.decision.delayMs : -1)
    state = next.state
  }
  t.same(delays, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000])
  t.same(step(state, closed(1006), () => 0).decision, { do: 'wait', delayMs: 0 })
  t.same(step({ ...state, failures: 5000 }, closed(1006)).decision, { do: 'wait', delayMs: 20000 })
})

t.test('each close code does what the contract says', async t => {
  for (const code of [1000, 4000, 4403, 4409, 4413]) {
    t.same(step(initialReconnect, closed(code)).decision, { do: 'stop' }, `${code} stops`)
  }
  for (const code of [1001, 1006, 1011, 1012, 4401, 4408, 4508]) {
    t.same(step(initialReconnect, closed(code)).decision, { do: 'wait', delayMs: 500 }, `${code} comes back`)
  }
  t.same(step(initialReconnect, closed(4429)).decision, { do: 'wait', delayMs: 2000 }, '4429 backs off')
})

t.test('a refused token stops the client only if it cannot get another', async t => {
  t.same(step(initialReconnect, closed(4401, { renewable: false })).decision, { do: 'stop' })
  t.same(step(initialReconnect, closed(1006, { httpStatus: 401, renewable: false })).decision, { do: 'stop' })
  t.same(step(initialReconnect, closed(1006, { httpStatus: 401 })).decision, { do: 'wait', delayMs: 500 })
  t.same(step(initialReconnect, closed(1006, { httpStatus: 403 })).decision, { do: 'stop' })
  t.same(step(initialReconnect, closed(1006, { httpStatus: 503 })).decision, { do: 'wait', delayMs: 2000 })
})

t.test('the server names the time of return, up to a limit', async t => {
  const told = step(initialReconnect, { type: 'closing', reconnectAfterMs: 7_300 }).state
  const back = step(told, closed(1012))
  t.same(back.decision, { do: 'wait', delayMs: 7_300 })
  t.equal(back.state.hintMs, null, 'it counts once')
  const absurd = step(initialReconnect, { type: 'closing', reconnectAfterMs: 1e10 }).state
  t.same(step(absurd, closed(1012)).decision, { do: 'wait', delayMs: defaultPolicy.maxHintMs })
})

t.test('a stable connection clears earlier failures; one that dies at once does not', async t => {
  const failed = { ...initialReconnect, failures: 4 }
  const up = step(failed, { type: 'established', at: 1_000 }).state
  t.same(step(up, closed(1006, { at: 1_000 + defaultPolicy.stableMs })).decision, { do: 'wait', delayMs: 500 })
  t.same(step(up, closed(1006, { at: 1_500 })).decision, { do: 'wait', delayMs: 8_000 })
})

t.test(
  'clients of nodes that end one after the other come back to the next one as soon as after the first',
  async t => {
    const KILLED_EVERY_MS = 3_000
    let state = initialReconnect
    // At first no node is active: the proxy in front of the nodes refuses.
    for (let n = 0; n < 4; n++) state = step(state, closed(1006, { httpStatus: 503 })).state
    for (let n = 0; n < 10; n++) {
      const at = n * KILLED_EVERY_MS
      state = step(state, { type: 'established', at }).state
      const killed = step(state, closed(1006, { at: at + KILLED_EVERY_MS }))
      t.same(killed.decision, { do: 'wait', delayMs: defaultPolicy.baseMs }, `node ${n}`)
      state = killed.state
    }
  },
)

t.test('a server that takes its clients and dies of them at once is asked ever more seldom', async t => {
  let state = initialReconnect
  const delays: number[] = []
  for (let n = 0; n < 6; n++) {
    state = step(state, { type: 'established', at: 0 }).state
    const dead = step(state, closed(1006, { at: 1_500 }))
    delays.push(dead.decision.do === 'wait' ? dead.decision.delayMs : -1)
    state = dead.state
  }
  t.same(delays, [500, 1000, 2000, 4000, 8000, 16000])
})
