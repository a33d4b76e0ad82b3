import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { WebSocket } from 'ws'
import { emptyFolder } from '../helpers/cli.ts'
import { fleetwire, program } from '../helpers/processes.ts'
import { root } from '../house/repository.ts'

test('examples/embed.mjs: its users log in, command an agent, watch it and log out', async t => {
  const folder = await emptyFolder(t)
  const example = fileURLToPath(new URL('examples/embed.mjs', root))
  const app = program(t, process.execPath, [example], { PORT: '0', DATA_DIR: join(folder, 'fleet') }, folder)
  const [, FLEETWIRE_URL, FLEETWIRE_TOKEN] = await app.printed(/FLEETWIRE_URL=(\S+) FLEETWIRE_TOKEN=(\S+) fleetwire/)
  const env = { FLEETWIRE_URL: FLEETWIRE_URL!, FLEETWIRE_TOKEN: FLEETWIRE_TOKEN! }
  const args = ['agent', 'exec', '--id', 'demo', '--journal', join(folder, 'journal')]
  await fleetwire(t, args, env, folder).printed(/is connected/)

  const url = FLEETWIRE_URL!.replace('/fleet', '')
  const login = async (name: string) => {
    const answer = await fetch(`${url}/login/${name}`, { method: 'POST' })
    return (answer.headers.get('set-cookie') ?? '').split(';')[0]!
  }
  t.equal((await fetch(`${url}/login/eve`, { method: 'POST' })).status, 401)
  t.equal((await fetch(`${url}/busy`)).status, 401)
  t.equal((await fetch(`${FLEETWIRE_URL}/api/v1/agents`)).status, 401)
  const [ann, bob] = [await login('ann'), await login('bob')]
  t.same(await (await fetch(`${url}/busy`, { headers: { cookie: ann } })).json(), { agents: 0 })
  const send = (cookie: string) =>
    fetch(`${FLEETWIRE_URL}/api/v1/agents/demo/commands?wait=20`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json' },
      body: '{"kind":"shell","input":"echo from ann"}',
    })
  t.match(await (await send(ann)).json(), { status: 'succeeded', output: /from ann/, createdBy: 'ann' })
  t.equal((await send(bob)).status, 403, 'bob may only watch')
  t.match(await (await fetch(`${FLEETWIRE_URL}/api/v1/agents`, { headers: { cookie: bob } })).json(), {
    items: [{ agentId: 'demo', link: 'online' }],
  })
  const link = await fetch(`${url}/dashboard`, { headers: { cookie: bob }, redirect: 'manual' })
  const [, code] = /^\/fleet\/#login=([\w-]+)$/.exec(link.headers.get('location') ?? '') ?? []
  const entered = await fetch(`${FLEETWIRE_URL}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
  })
  const { token } = (await entered.json()) as { token: string }
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  t.match(claims, { sub: 'bob', role: 'viewer', agents: ['demo*'] })
  const socket = new WebSocket(`${FLEETWIRE_URL!.replace('http', 'ws')}/ws`, ['fleetwire.v1'], {
    headers: { cookie: bob },
  })
  t.teardown(() => socket.terminate())
  await once(socket, 'message')
  const closed = once(socket, 'close')
  await fetch(`${url}/logout`, { method: 'POST', headers: { cookie: bob } })
  t.equal((await closed)[0], 4401)
  t.equal((await fetch(`${FLEETWIRE_URL}/api/v1/agents`, { headers: { cookie: bob } })).status, 401)
  app.child.kill('SIGTERM')
  t.match(await app.ended, { code: 0 })
})
