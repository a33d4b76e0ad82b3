import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { systemClock } from '../../src/clock.ts'
import type { RecordQuery } from '../../src/log/event-log.ts'
import { openSqliteLog } from '../../src/log/sqlite-log.ts'
import { SECRET } from '../helpers/build.ts'
import { holdTimers } from '../helpers/held-timers.ts'

t.test('a start may take as long as its store needs', async t => {
  const dir = t.testdir()
  const log = await openSqliteLog({ dir, clock: systemClock, retention: { count: 1000, ms: 86_400_000 } })
  t.teardown(() => log.close())
  let asked = () => {}
  let answer = () => {}
  const isAsked = new Promise<void>(resolve => (asked = resolve))
  const mayAnswer = new Promise<void>(resolve => (answer = resolve))
  const slow = new Proxy(log, {
    get(target, name) {
      if (name === 'list') {
        return async (query: RecordQuery) => {
          asked()
          await mayAnswer
          return target.list(query)
        }
      }
      const member = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })

  const pass = holdTimers(t)
  const starting = buildApp({ logger: false, eventLog: slow, config: { DATA_DIR: dir, JWT_SECRET: SECRET } })
  await isAsked
  pass(600_000)
  answer()
  const app = await starting
  t.equal((await app.inject('/ready')).statusCode, 200)
  await app.close()
})
