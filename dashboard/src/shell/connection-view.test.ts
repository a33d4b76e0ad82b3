import t from 'tap'
import { connectionView } from './connection-view.ts'

t.test('a short drop is not shown, a longer one is amber, a long one is offline', async t => {
  const at = (ms: number) => connectionView({ state: 'waiting', downSince: 1000, role: 'admin' }, 1000 + ms)
  t.match(at(0), { state: 'online', text: 'Live' })
  t.match(at(1999), { state: 'online' })
  t.match(at(2000), { state: 'reconnecting', text: 'Reconnecting 2s', canRetry: true })
  t.match(at(60_000), { state: 'offline', text: 'Offline 1m', canRetry: true })
  t.match(connectionView({ state: 'connecting', downSince: 1000, role: 'admin' }, 4000), { state: 'reconnecting' })
})

t.test('the first connection, and a stopped one', async t => {
  t.match(connectionView({ state: 'waiting', downSince: 1000 }, 4000), { text: 'Connecting 3s', canRetry: true })
  t.match(connectionView({ state: 'connecting' }, 9), { state: 'reconnecting', text: 'Connecting', canRetry: false })
  t.match(connectionView({ state: 'stopped', cause: { code: 4403 } }, 9), { state: 'stopped', canRetry: true })
  t.match(connectionView({ state: 'stopped', cause: { code: 4403 } }, 9).detail, /administrator/)
  t.match(connectionView({ state: 'online' }, 9), { state: 'online', text: 'Live' })
})
