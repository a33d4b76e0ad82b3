import { test } from 'tap'
import { Origins } from '../../../src/auth/origins.ts'

test('[AU7] configured origins are compared as a whole, never by prefix', async t => {
  const origins = new Origins(' https://A.example/ , http://localhost:5173,https://b.example:443')
  for (const allowed of [
    'https://a.example',
    'http://localhost:5173',
    'https://b.example',
    'https://b.example:443',
    'HTTPS://A.EXAMPLE',
  ]) {
    t.ok(origins.allows(allowed), allowed)
  }
  for (const other of [
    'http://a.example',
    'https://a.example.evil.example',
    'https://a.example:8443',
    'https://sub.a.example',
    'https://a.example/path',
    'https://user@a.example',
    'https://evil.example#https://a.example',
    'https://evil.example\\a.example',
    'http://localhost',
    'null',
    'nonsense',
    '',
    'file://',
  ]) {
    t.notOk(origins.allows(other), other)
  }
})

test('[AU14] origins with a custom scheme are compared as text, so that one does not allow all', async t => {
  const origins = new Origins('tauri://localhost,chrome-extension://abcdefgh,capacitor://localhost/')
  for (const allowed of ['tauri://localhost', 'chrome-extension://abcdefgh', 'capacitor://localhost']) {
    t.ok(origins.allows(allowed), allowed)
  }
  for (const other of [
    'null',
    'evil://localhost',
    'tauri://evil',
    'tauri://localhost.evil',
    'tauri://localhost:1',
    'tauri:localhost',
    'chrome-extension://other',
    'moz-extension://abcdefgh',
    'file://',
    'file:///etc',
    'data:text/html,x',
    'about:blank',
    'http://localhost:1',
  ]) {
    t.notOk(origins.allows(other), other)
  }
})

test('[AU14] an entry that no page can have as origin stops the start, and the message says what to write', async t => {
  const table: [list: string, entry: string, advice: string | RegExp][] = [
    ['app.example', 'app.example', 'write https://app.example'],
    ['localhost:5173', 'localhost:5173', 'write http://localhost:5173'],
    ['app.example:8443', 'app.example:8443', 'write https://app.example:8443'],
    ['https://ok.example,*.example.org', '*.example.org', 'write each origin in full'],
    ['https://*.example.org', 'https://*.example.org', 'write each origin in full'],
    ['https://a.example,,https://b.example', '', 'extra comma'],
    ['https://a.example,', '', 'extra comma'],
    [' , ', '', 'extra comma'],
    ['https://a.example https://b.example', 'https://a.example https://b.example', 'separate origins with commas'],
    ['https://a.example/ui', 'https://a.example/ui', 'write https://a.example'],
    ['https://a.example//', 'https://a.example//', 'write https://a.example'],
    ['https://a.example?x', 'https://a.example?x', 'write https://a.example'],
    ['https://ann@a.example', 'https://ann@a.example', 'write https://a.example'],
    ['wss://a.example', 'wss://a.example', 'write https://a.example'],
    ['ws://localhost:3000', 'ws://localhost:3000', 'write http://localhost:3000'],
    ['https://a.example:70000', 'https://a.example:70000', 'write it as'],
    ['https://', 'https://', 'write it as'],
    ['"https://a.example"', '"https://a.example"', 'remove the quotes'],
    ['null', 'null', 'have no origin'],
    ['file://', 'file://', 'have no origin'],
  ]
  for (const [list, entry, advice] of table) {
    t.throws(
      () => new Origins(list),
      { code: 'FLW_ERR_CONFIG_INVALID', message: new RegExp(`"${entry.replace(/[*?.]/g, '\\$&')}".*${advice}`) },
      list,
    )
  }
  t.doesNotThrow(() => new Origins('  '))
})

test('* allows any origin', async t => {
  t.ok(new Origins('https://a.example, *').allows('null'))
})
