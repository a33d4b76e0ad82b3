import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import { PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { UpgradeIntake } from '../../../src/connections/upgrade-intake.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const headers = { upgrade: 'websocket', connection: 'Upgrade' }

function setUp(t: Test) {
  const server = new EventEmitter()
  const clock = new FakeClock(0)
  const told: string[] = []
  const intake = new UpgradeIntake({
    clock,
    server: server as Server,
    isSocketPath: path => path === '/ours',
  })
  intake.on('upgrade', request => told.push(request.url!))
  t.teardown(() => intake.stop())
  const ask = (url: string, request: Partial<IncomingMessage> = {}) => {
    const socket = new PassThrough()
    server.emit('upgrade', { url, method: 'GET', httpVersion: '1.1', headers, ...request }, socket, Buffer.alloc(0))
    return socket
  }
  return { server, clock, intake, told, ask }
}

test('[LM11] of many upgrades in one turn only a few are emitted at once, all in order', async t => {
  const { told, ask } = setUp(t)
  const urls = Array.from({ length: 50 }, (_, i) => `/${i}`)
  for (const url of urls) ask(url)
  t.same(told, urls.slice(0, 8))
  for (let turns = 0; told.length < urls.length && turns < 50; turns++) {
    const before = told.length
    await nextTurn()
    t.ok(told.length - before <= 16, 'the rest of one turn, and those of the next')
  }
  t.same(told, urls)
})

test('a socket that fails while it waits is not emitted and causes no error', async t => {
  const { told, ask } = setUp(t)
  for (let i = 0; i < 8; i++) ask('/before')
  const failing = ask('/failing')
  ask('/waiting')
  failing.destroy(new Error('reset by the peer'))
  for (let turns = 0; told.length < 9 && turns < 10; turns++) await nextTurn()
  t.same(told.slice(8), ['/waiting'])
})

test('an upgrade after a response that does not end is abandoned', async t => {
  const { clock, server, told } = setUp(t)
  const socket = Object.assign(new PassThrough(), { _httpMessage: new EventEmitter() })
  server.emit('upgrade', { url: '/ws', method: 'GET', httpVersion: '1.1', headers }, socket, Buffer.alloc(0))
  clock.advance(29_000)
  t.notOk(socket.destroyed)
  clock.advance(2000)
  t.ok(socket.destroyed)
  t.same(told, [])
})

test('upgrades that other listeners handle are left to them', async t => {
  const { server, told, ask } = setUp(t)
  const theirs: string[] = []
  server.on('upgrade', ({ url }) => theirs.push(url))
  const socket = ask('/theirs')
  t.equal(socket.listenerCount('error'), 0)
  ask('/ours')
  t.same(told, ['/ours'])
  t.same(theirs, ['/theirs', '/ours'])
})

test('after a stop the server has no listeners left, and waiting sockets are gone', async t => {
  const { server, intake, ask } = setUp(t)
  const waiting = ask('/ws')
  intake.stop()
  t.equal(server.listenerCount('upgrade'), 0)
  t.ok(waiting.destroyed)
})
