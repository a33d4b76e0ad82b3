import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { systemClock } from '../../../src/clock.ts'
import { RemoteFleet } from '../../../src/mcp/remote-fleet.ts'
import { connectAgent } from '../../helpers/bare-agent.ts'
import { startApp } from '../../helpers/build.ts'

const remote = (t: Test, url: string, token: string, warn: (message: string) => void = () => {}) => {
  const port = new RemoteFleet({ url, token: async () => token, clock: systemClock, warn })
  t.teardown(() => port.close())
  return port
}

test('more topics than one connection allows can be watched', async t => {
  const server = await startApp(t)
  const port = remote(t, server.url, await server.token('viewer'), message => t.fail(message))
  const ids = Array.from({ length: 70 }, (_, i) => `a${i}`)
  const watches = ids.map(id => {
    let told = () => {}
    const changed = new Promise<void>(resolve => {
      told = resolve
    })
    let isReady = false
    const watch = port.watch([`agents.${id}.status`, `agents.${id}.commands.*`], () => isReady && told())
    return { watch, changed, ready: watch.ready.then(() => (isReady = true)) }
  })
  await Promise.all(watches.map(({ ready }) => ready))
  t.equal(server.app.connections.stats().dashboards, 3)
  for (const id of ids) await connectAgent(t, server, id)
  await Promise.all(watches.map(({ changed }) => changed))
  for (const { watch } of watches) watch.close()
  const again = port.watch(['agents.a0.status'], () => {})
  await again.ready
  t.equal(server.app.connections.stats().dashboards, 3, 'closed watches make room')
})

/** A server that responds with these statuses, one after the other; the last one repeats. */
async function scripted(t: Test, statuses: number[]) {
  let calls = 0
  const server = createServer((_request, response) => {
    response.writeHead(statuses[Math.min(calls++, statuses.length - 1)]!, { 'retry-after': '7' }).end('{}')
  })
  t.teardown(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/behind/a/prefix/`, calls: () => calls, close: () => server.close() }
}

test('a call that cannot be served now is repeated; any other response is returned', async t => {
  const restarting = await scripted(t, [502, 503, 200])
  const get = { method: 'GET', path: '/agents' } as const
  t.match(await remote(t, restarting.url, 'x').call(get), { status: 200, text: '{}' })
  t.equal(restarting.calls(), 3)
  for (const status of [401, 404, 429, 500]) {
    const refusing = await scripted(t, [status])
    const answer = await remote(t, refusing.url, 'x').call(get)
    t.same([answer.status, answer.header('retry-after'), refusing.calls()], [status, '7', 1])
  }
  const down = await scripted(t, [503])
  t.equal((await remote(t, down.url, 'x').call({ ...get, once: true })).status, 503)
  t.equal(down.calls(), 1, 'a caller that retries by itself gets the response at once')
})

test('a call to a server that is gone fails with an explanation, and can be cancelled while it waits', async t => {
  const gone = await scripted(t, [200])
  gone.close()
  const port = remote(t, gone.url, 'x')
  const get = { method: 'GET', path: '/agents' } as const
  await t.rejects(port.call({ ...get, once: true }), { name: 'NoAnswer', message: /ECONNREFUSED.*fleetwire serve/ })
  const cancel = new AbortController()
  const calling = port.call({ ...get, signal: cancel.signal })
  setImmediate(() => cancel.abort(new Error('cancelled')))
  await t.rejects(calling, /cancelled|aborted/)
})
