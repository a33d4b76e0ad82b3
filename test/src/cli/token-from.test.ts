import { DashboardClient } from '@fleetwire/client/node'
import { test } from 'tap'
import { SECRET } from '../../helpers/build.ts'
import { run, startForCli } from '../../helpers/cli.ts'

test('[AU30] a line break at the end of a token or a secret is ignored, whatever the source', async t => {
  const { url, admin, run, app } = await startForCli(t)
  for (const token of [`${admin}\r\n`, `${admin}\n`, `\ufeff${admin}`, ` ${admin} `]) {
    t.match(await run(['ps', '--json'], { FLEETWIRE_TOKEN: token }), { code: 0 })
  }
  t.match(await run(['ps', '--json'], { FLEETWIRE_TOKEN: '', FLEETWIRE_JWT_SECRET: `${SECRET}\n` }), { code: 0 })
  t.match(await run(['ps', '--json'], { FLEETWIRE_URL: `${url}\n` }), { code: 0 })
  const query = `${url}/api/v1/events/stream?topics=agents.*.status&token=${encodeURIComponent(`${admin}\n`)}`
  const controller = new AbortController()
  t.equal((await fetch(query, { signal: controller.signal })).status, 200)
  controller.abort()
  t.ok('principal' in (await app.verifyToken(`${admin}\n`)))

  const dashboard = new DashboardClient({ url, token: async () => `${admin}\n` })
  t.teardown(() => dashboard.close())
  const online = new Promise<void>(resolve => {
    dashboard.status.subscribe(({ state }) => state === 'online' && resolve())
  })
  dashboard.connect()
  await online
})

test('[AU21] [AU16] on the server’s machine the CLI signs according to the settings, and mints for subjects of any text', async t => {
  const config = { JWT_AUDIENCE: 'fleet', JWT_ISSUER: 'here', JWT_ROLE_CLAIM: 'a.b' }
  const { run } = await startForCli(t, config)
  const env = Object.fromEntries(Object.entries(config).map(([name, value]) => [`FLEETWIRE_${name}`, value]))
  const local = { FLEETWIRE_TOKEN: '', FLEETWIRE_JWT_SECRET: SECRET }
  t.match(await run(['ps'], { ...local, ...env }), { code: 0 })
  t.match(await run(['ps'], local), { code: 4, stderr: /for the audience none, not for "fleet"/ })
  const { code, stdout } = await run(['token', '--role', 'viewer', '--sub', 'auth0|66f'])
  t.equal(code, 0)
  t.match(
    await run(['ps'], { FLEETWIRE_TOKEN: stdout }),
    { code: 0 },
    'with a line break, which $(…) strips and a file keeps',
  )
  t.match(await run(['token', '--role', 'agent', '--sub', 'a b']), { code: 1, stderr: /subject of an agent is its id/ })
})

test('[CF5] without a token, the CLI names a misspelt variable', async t => {
  const { code, stderr } = await run(t, ['ps'], { FLEETWIRE_TOKN: 'hush' })
  t.equal(code, 4)
  t.match(stderr, /FLEETWIRE_TOKN is not a setting; did you mean FLEETWIRE_TOKEN\?/)
  t.notMatch(stderr, 'hush')
})
