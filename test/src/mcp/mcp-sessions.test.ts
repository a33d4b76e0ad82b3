import { test } from 'tap'
import { McpSessions } from '../../../src/mcp/mcp-sessions.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { MemoryLog } from '../../helpers/memory-log.ts'

const ID = 'a-session-of-this-test'

test('the session of one subject is not that of another, and an invalid id has no session', async t => {
  const sessions = new McpSessions(new MemoryLog(), new FakeClock())
  t.not(sessions.keyOf('ann', ID), sessions.keyOf('bob', ID))
  t.equal(sessions.keyOf('ann', ID), sessions.keyOf('ann', ID))
  for (const id of ['', 'short', 'with a space in it, and long', 'x'.repeat(200)])
    t.equal(sessions.keyOf('ann', id), undefined)
  t.ok(sessions.keyOf('ann', sessions.newId()))
})

test('[MC7] subscriptions are stored, published, and survive the process', async t => {
  const log = new MemoryLog()
  const sessions = new McpSessions(log, new FakeClock())
  const told: unknown[] = []
  const key = sessions.keyOf('ann', ID)!
  sessions.follow((changed, record) => changed === key && told.push(record))
  await Promise.all(['a', 'b', 'a'].map(uri => sessions.subscribe(key, uri)))
  await sessions.unsubscribe(key, 'b')
  await sessions.unsubscribe(key, 'never')
  const { record } = await new McpSessions(log, new FakeClock()).get(key)
  t.same(record, { uris: ['a'] })
  t.same(told.at(-1), record)
})

test('an ended session accepts no subscriptions', async t => {
  const sessions = new McpSessions(new MemoryLog(), new FakeClock())
  const key = sessions.keyOf('ann', ID)!
  t.equal(await sessions.end(key), undefined)
  t.match(await sessions.subscribe(key, 'a'), /has ended/)
  t.same((await sessions.get(key)).record, { ended: true })
})
