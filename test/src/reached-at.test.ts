import { test } from 'tap'
import { reachedAt } from '../../src/reached-at.ts'

const by = (headers: Record<string, string>, more = {}) =>
  reachedAt({ headers, host: 'fleet.example', protocol: 'http', isTrusted: true, ...more })

test('[AU15] forwarded headers count only from trusted proxies', async t => {
  t.same(by({}), { protocol: 'http', host: 'fleet.example', prefix: '' })
  t.equal(by({}, { protocol: 'https' }).protocol, 'https')
  t.equal(by({}, { protocol: 'WSS' }).protocol, 'https', 'for the upgrade of a socket')
  t.equal(by({}, { protocol: 'ws' }).protocol, 'http')
  t.equal(by({ 'x-forwarded-port': '8443' }).host, 'fleet.example:8443')
  for (const port of ['443', '80', 'x', '', '123456']) {
    t.equal(by({ 'x-forwarded-port': port }).host, 'fleet.example', port)
  }
  t.equal(by({ 'x-forwarded-port': '8443' }, { host: 'fleet.example:9' }).host, 'fleet.example:9')
  t.equal(by({ 'x-forwarded-port': '8443' }, { isTrusted: false }).host, 'fleet.example')
})

test('a prefix that is not a path is ignored', async t => {
  const table: [header: string, prefix: string][] = [
    ['/fleet', '/fleet'],
    ['/fleet/', '/fleet'],
    ['/a/b', '/a/b'],
    ['/a, /b/', '/a/b'],
    ['/', ''],
    ['', ''],
    ['fleet', ''],
    ['//evil.example', ''],
    ['/a//b', ''],
    ['/../x', ''],
    ['/a/../b', ''],
    ['/"><script>', ''],
    ['https://evil.example/', ''],
    ['/a\\b', ''],
  ]
  for (const [header, prefix] of table) t.equal(by({ 'x-forwarded-prefix': header }).prefix, prefix, header)
  t.equal(by({ 'x-forwarded-prefix': '/fleet' }, { isTrusted: false }).prefix, '')
})
