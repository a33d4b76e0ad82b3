import { test } from 'tap'
import { isOwnOrigin } from '../../../src/auth/own-origin.ts'

test('[AU7] the own origin is recognised by its host; the default port of its scheme counts as no port', async t => {
  const own: [origin: string, host: string][] = [
    ['http://127.0.0.1:3000', '127.0.0.1:3000'],
    ['https://fleet.example', 'fleet.example'],
    ['https://fleet.example', 'Fleet.Example'],
    ['https://fleet.example', 'fleet.example:443'],
    ['http://fleet.example', 'fleet.example:80'],
    ['https://fleet.example:8443', 'fleet.example:8443'],
    ['http://[::1]:3000', '[::1]:3000'],
    ['http://[::1]', '[::1]:80'],
  ]
  for (const [origin, host] of own) t.ok(isOwnOrigin(origin, host), `${origin} of ${host}`)
  const others: [origin: string, host: string][] = [
    ['https://fleet.example', 'fleet.example:80'],
    ['https://fleet.example', 'fleet.example:3000'],
    ['https://fleet.example:8443', 'fleet.example'],
    ['http://fleet.example', 'fleet.example:443'],
    ['https://evil.example', 'fleet.example'],
    ['https://fleet.example', ''],
    ['https://fleet.example', 'fleet.example@evil.example'],
    ['https://fleet.example', 'fleet.example/x'],
    ['https://evil.example', 'evil.example#'],
    ['null', 'null'],
    ['tauri://localhost', 'localhost'],
    ['file://', ''],
    ['nonsense', 'nonsense'],
  ]
  for (const [origin, host] of others) t.notOk(isOwnOrigin(origin, host), `${origin} of ${host}`)
})
