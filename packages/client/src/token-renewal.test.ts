import t from 'tap'
import { FakeClock } from './testing/fake-clock.ts'
import { TokenRenewal } from './token-renewal.ts'

const HOUR_MS = 3_600_000

/** A token that expires `ms` after the current time of `clock`. Only its payload is read. */
const lasting = (clock: FakeClock, ms: number) =>
  `x.${Buffer.from(JSON.stringify({ exp: Math.floor((clock.now() + ms) / 1000) })).toString('base64url')}.x`

/** Renews a token that lasts an hour; `answer` is the token source's response to each request. */
function start(answer: (clock: FakeClock) => string | Promise<string>) {
  const clock = new FakeClock()
  const warnings: unknown[] = []
  const asked: number[] = []
  const got: string[] = []
  const renewal = new TokenRenewal({
    clock,
    log: (_level, message, fields) => void warnings.push([message, fields]),
    ask: () => {
      asked.push(clock.now())
      return answer(clock)
    },
    token: lasting(clock, HOUR_MS),
    renewed: token => void got.push(token),
  })
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1000) {
      clock.advance(1000)
      await Promise.resolve().then(() => undefined)
    }
  }
  return { clock, renewal, warnings, asked, got, pass }
}

t.test('a token is asked for a minute before the old one expires, and once if it lasts longer', async t => {
  const { asked, got, pass, warnings } = start(clock => lasting(clock, HOUR_MS))
  await pass(HOUR_MS - 62_000)
  t.same(asked, [])
  await pass(2 * HOUR_MS)
  t.equal(asked.length, 1)
  t.equal(got.length, 1)
  t.same(warnings, [])
})

t.test('a source that fails is asked again, more and more often, until the old token has expired', async t => {
  const { asked, got, pass, warnings } = start(() => Promise.reject(new Error('vault is sealed')))
  await pass(2 * HOUR_MS)
  t.ok(asked.length > 3, `${asked.length} times`)
  t.equal(warnings.length, asked.length)
  t.same(warnings[0], ['could not renew the token', { message: 'vault is sealed' }])
  t.same(got, [])
  const waits = asked.slice(1).map((at, i) => at - asked[i]!)
  t.ok(waits[0]! > 3 * waits.at(-1)!, `${waits[0]} ms between the first, ${waits.at(-1)} between the last`)
})

t.test('a token that lasts no longer, or is none, is not taken; a later one is', async t => {
  const answers = [
    '',
    'no token',
    (clock: FakeClock) => lasting(clock, 1000),
    (clock: FakeClock) => lasting(clock, HOUR_MS),
  ]
  const { asked, got, pass } = start(clock => {
    const answer = answers.shift() ?? ''
    return typeof answer === 'string' ? answer : answer(clock)
  })
  await pass(2 * HOUR_MS)
  t.equal(asked.length, 4)
  t.equal(got.length, 1)
})

t.test('who stops hears nothing more, not of what was asked before either', async t => {
  const given: ((token: string) => void)[] = []
  const { clock, asked, got, pass, renewal } = start(
    () =>
      new Promise(resolve => {
        given.push(resolve)
      }),
  )
  await pass(HOUR_MS - 30_000)
  t.equal(asked.length, 1)
  renewal.stop()
  given[0]!(lasting(clock, HOUR_MS))
  await pass(HOUR_MS)
  t.same(got, [])
  t.equal(asked.length, 1)
})
