import t from 'tap'
import { parseNatsUrls } from '../../src/nats-url.ts'

t.test('addresses are stored without their logins, and the first login counts', async t => {
  const table: [url: string, server: string, login: object][] = [
    ['a', 'a', {}],
    ['a:4222', 'a:4222', {}],
    ['nats://a:4222/', 'nats://a:4222', {}],
    ['NATS://u:p@a', 'nats://a', { user: 'u', pass: 'p' }],
    ['tls://u:p@[::1]:4222', 'tls://[::1]:4222', { user: 'u', pass: 'p' }],
    ['u:p:q@a', 'a', { user: 'u', pass: 'p:q' }],
    ['nats://u:p@q@a', 'nats://a', { user: 'u', pass: 'p@q' }],
    ['nats://u:p%2Fq/r@a', 'nats://a', { user: 'u', pass: 'p/q/r' }],
    ['nats://u:@a', 'nats://a', { user: 'u', pass: '' }],
    ['nats://token@a', 'nats://a', { token: 'token' }],
    ['my_host:4222', 'my_host:4222', {}],
  ]
  for (const [url, server, login] of table) t.same(parseNatsUrls([url]), { servers: [server], login }, url)
  const several = parseNatsUrls(['a', 'nats://u:p@b', 'nats://v:q@c'])
  t.same(several, { servers: ['a', 'nats://b', 'nats://c'], login: { user: 'u', pass: 'p' } })
})
