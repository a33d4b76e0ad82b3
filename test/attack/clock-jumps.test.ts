import type { Command } from '@fleetwire/protocol'
import t from 'tap'
import { startApp } from '../helpers/build.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { connectWs } from '../helpers/ws-client.ts'

const DAY = 24 * 60 * 60_000
const SWEEPS_MS = 60_000

/** By how much the clock jumps, in milliseconds. */
const jumps = [40 * DAY, 400 * DAY, -365 * DAY]

for (const jumpMs of jumps) {
  t.test(
    `a clock that jumps by ${jumpMs / DAY} days and back revives no revoked token and removes nothing`,
    async t => {
      const dir = t.testdir()
      const clock = new FakeClock(Date.now())
      const start = async () => {
        const server = await startApp(t, { clock, config: { DATA_DIR: dir } })
        const sweep = async () => {
          clock.advance(SWEEPS_MS)
          // This query is answered after the sweep, because the log runs one operation at a time.
          await server.log.list({ kind: 'command', limit: 1 })
        }
        return { ...server, sweep }
      }
      const first = await start()
      const operator = await first.token('operator', { ttlSeconds: 30 * 86_400 })
      const revoked = await first.token('viewer', { ttlSeconds: 30 * 86_400 })
      const { jti } = JSON.parse(Buffer.from(revoked.split('.')[1]!, 'base64url').toString())
      t.equal((await first.app.tokens.revoke(jti)).status, 'revoked')
      const agent = await connectWs(t, first.url, await first.token('agent', { sub: 'a1' }), '/agent')
      agent.send('agent:connect', { bootId: 'b' })
      await agent.next('connection:established')
      const command = { kind: 'shell', input: 'ls' }
      const { body } = await first.call<Command>(operator, 'POST', '/api/v1/agents/a1/commands', command)
      await agent.next('command:dispatch')
      agent.raw(
        JSON.stringify({
          type: 'command:result',
          n: 1,
          payload: { commandId: body.commandId, attempt: 1, status: 'succeeded' },
        }),
      )
      await agent.next('report:ack')
      await agent.close()
      await first.sweep()

      const holds = async ({ call }: Awaited<ReturnType<typeof start>>, when: string) => {
        t.equal((await call(revoked, 'GET', '/api/v1/agents')).status, 401, `${when}: the token is revoked`)
        const ended = await call<Command>(operator, 'GET', `/api/v1/commands/${body.commandId}`)
        t.match(ended, { status: 200, body: { status: 'succeeded' } }, `${when}: the command exists`)
        const { body: history } = await call<{ items: unknown[] }>(operator, 'GET', '/api/v1/events?topics=agents.>')
        t.ok(history.items.length > 3, `${when}: the events exist`)
      }
      clock.jump(jumpMs)
      await first.sweep()
      await first.app.close()
      const second = await start()
      await second.sweep()
      t.equal((await second.call(revoked, 'GET', '/api/v1/agents')).status, 401)
      await second.app.close()
      clock.jump(-jumpMs)
      const third = await start()
      await holds(third, 'back')
      await third.sweep()
      await holds(third, 'swept')
    },
  )
}
