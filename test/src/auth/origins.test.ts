import { test } from 'tap'
import { Origins } from '../../../src/auth/origins.ts'

test('[AU7] the own origin is allowed by host, whatever the scheme of the proxy before it', async t => {
  const origins = new Origins('')
  t.ok(origins.allows('http://127.0.0.1:3000', '127.0.0.1:3000'))
  t.ok(origins.allows('https://fleet.example', 'fleet.example'))
  t.ok(origins.allows('https://fleet.example', 'Fleet.Example'))
  t.notOk(origins.allows('https://fleet.example', 'fleet.example:3000'))
  t.notOk(origins.allows('https://evil.example', 'fleet.example'))
  t.notOk(origins.allows('https://fleet.example', undefined))
})

test('[AU7] configured origins are allowed as a whole, never by prefix', async t => {
  const origins = new Origins(' https://a.example/ , http://localhost:5173,,nonsense')
  t.ok(origins.allows('https://a.example', 'x'))
  t.ok(origins.allows('http://localhost:5173', 'x'))
  for (const other of [
    'http://a.example',
    'https://a.example.evil.example',
    'https://a.example:8443',
    'https://sub.a.example',
    'http://localhost',
    'null',
    'nonsense',
    '',
    'file://',
  ]) {
    t.notOk(origins.allows(other, 'x'), other)
  }
})

test('* allows any', async t => {
  t.ok(new Origins('https://a.example, *').allows('null', undefined))
})
