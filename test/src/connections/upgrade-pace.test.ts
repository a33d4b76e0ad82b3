import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import { PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { UpgradePace } from '../../../src/connections/upgrade-pace.ts'

function setUp() {
  const server = new EventEmitter()
  const pace = new UpgradePace(server as unknown as Server)
  const told: string[] = []
  pace.on('upgrade', (request: IncomingMessage) => told.push(request.url!))
  const ask = (url: string) => {
    const socket = new PassThrough()
    server.emit('upgrade', { url }, socket, Buffer.alloc(0))
    return socket
  }
  return { server, pace, told, ask }
}

t.test('[LM11] of many that ask in one turn a few are told of at once, all in their order', async t => {
  const { told, ask } = setUp()
  const urls = Array.from({ length: 50 }, (_, i) => `/${i}`)
  for (const url of urls) ask(url)
  t.same(told, urls.slice(0, 8))
  for (let turns = 0; told.length < urls.length && turns < 50; turns++) {
    const before = told.length
    await nextTurn()
    t.ok(told.length - before <= 16, 'the rest of a turn, and those of the next')
  }
  t.same(told, urls)
})

t.test('a socket that fails while it waits ends nothing, and is not told of', async t => {
  const { told, ask } = setUp()
  for (let i = 0; i < 8; i++) ask('/before')
  const failing = ask('/failing')
  const waiting = ask('/waiting')
  failing.destroy(new Error('reset by the peer'))
  for (let turns = 0; told.length < 9 && turns < 10; turns++) await nextTurn()
  t.same(told.slice(8), ['/waiting'])
  t.equal(waiting.listenerCount('error'), 0, 'whoever was told hears of its errors now')
})

t.test('after the stop the server is left alone', async t => {
  const { server, pace } = setUp()
  pace.stop()
  t.equal(server.listenerCount('upgrade'), 0)
})
