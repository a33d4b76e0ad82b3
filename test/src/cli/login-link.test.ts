import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import type { LoginToken } from '@fleetwire/protocol'
import Fastify from 'fastify'
import { type Test, test } from 'tap'
import { loginUrl } from '../../../src/cli/login-url.ts'
import fleetwirePlugin from '../../../src/index.ts'
import { SECRET } from '../../helpers/build.ts'
import { emptyFolder, run, startForCli } from '../../helpers/cli.ts'
import { adminToken, fleetwire } from '../../helpers/processes.ts'

const LINK = /(http:\S+\/)#login=([\w-]{32})/

/** What the page behind a link does: exchanges the code at the server that it came from. */
async function follow(t: Test, output: string): Promise<{ status: number; token: string; api: string }> {
  const [, base = '', code = ''] = LINK.exec(output) ?? []
  t.not(code, '', output)
  const page = await fetch(base)
  t.match(await page.text(), /<base href=/, 'the link leads to the page')
  const headers = { 'content-type': 'application/json' }
  const api = `${base}api/v1`
  const answer = await fetch(`${api}/login`, { method: 'POST', headers, body: JSON.stringify({ code }) })
  return { status: answer.status, api, token: ((await answer.json()) as LoginToken).token }
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())

test('login-link prints a link that logs in a browser once, with the rights of the token', async t => {
  const { run, as } = await startForCli(t)
  const { code, stdout, stderr } = await run(['login-link'], await as('operator', 'ann'))
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /^http:\/\/127\.0\.0\.1:\d+\/#login=[\w-]{32}\n$/)
  const { status, token } = await follow(t, stdout)
  t.equal(status, 200)
  t.match(claimsOf(token), { sub: 'ann', role: 'operator' })
  t.equal((await follow(t, stdout)).status, 401, 'the second time it is worthless')

  const json = await run(['login-link', '--json'])
  const { link, expiresAt } = JSON.parse(json.stdout) as { link: string; expiresAt: number }
  t.match(json.stdout, /^[^\n]+\n$/)
  t.ok(expiresAt > Date.now() && expiresAt <= Date.now() + 600_000)
  t.match(claimsOf((await follow(t, link)).token), { sub: 'admin', role: 'admin' })
})

test('login-link says why there is no link', async t => {
  const { run: ask, as, url } = await startForCli(t)
  t.match(await ask(['login-link'], await as('agent', 'a1')), { code: 4, stdout: '', stderr: /^fleetwire: .*403/ })
  t.match(await ask(['login-link'], { FLEETWIRE_TOKEN: 'wrong' }), { code: 4, stdout: '', stderr: /401/ })
  t.match(await run(t, ['login-link'], { FLEETWIRE_URL: url }), { code: 4, stderr: /Set FLEETWIRE_TOKEN/ })
  const nobody = { FLEETWIRE_URL: 'http://127.0.0.1:9', FLEETWIRE_TOKEN: 'x' }
  t.match(await run(t, ['login-link'], nobody), { code: 3, stdout: '' })
})

test('a link leads to the server under its prefix', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fleetwirePlugin, { prefix: '/fleet', config: { JWT_SECRET: SECRET, DATA_DIR: t.testdir() } })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const minted = await app.tokens.mint({ sub: 'ann', role: 'viewer' }, 'test')
  if (minted.status !== 'minted') throw new Error(minted.status)
  for (const path of ['/fleet', '/fleet/']) {
    const env = { FLEETWIRE_URL: origin + path, FLEETWIRE_TOKEN: minted.token }
    const { stdout } = await run(t, ['login-link'], env)
    t.ok(stdout.startsWith(`${origin}/fleet/#login=`), stdout)
    t.match(await follow(t, stdout), { status: 200 })
  }
})

test('[AU34] [AU29] serve prints one admin link after its address at every start; the first start writes a token to a private file', async t => {
  const cwd = await emptyFolder(t)
  await mkdir(`${cwd}/data`, { mode: 0o755 })
  await writeFile(`${cwd}/data/admin-token`, 'of an earlier start', { mode: 0o644 })
  for (const start of ['first', 'second']) {
    const server = fleetwire(t, ['serve', '--port', '0'], {}, cwd)
    // Lines of the server's log may come in between.
    const [, url = ''] = await server.printed(/listens at (\S+)/)
    const [text] = await server.printed(/\nOpen this link .* works once and for 10 minutes.*\n\n {2}\S+#login=\S+\n/)
    t.match(text, `${url}/#login=`, `${start} start`)
    const { status, token, api } = await follow(t, text)
    t.equal(status, 200)
    t.match(claimsOf(token), { sub: 'admin', role: 'admin', agents: ['*'] })
    const connections = await fetch(`${api}/connections`, { headers: { authorization: `Bearer ${token}` } })
    t.equal(connections.status, 200)
    t.equal((await follow(t, text)).status, 401)
    const named = start === 'first' ? await adminToken(server) : undefined
    const kept = await readFile(`${cwd}/data/admin-token`, 'utf8')
    if (named !== undefined) {
      t.equal(named, kept.trim())
      t.equal((await stat(`${cwd}/data/admin-token`)).mode & 0o777, 0o600)
      t.match(kept, /^eyJ/)
    }
    server.child.kill('SIGTERM')
    const { stdout, stderr } = await server.ended
    t.equal(/FLEETWIRE_TOKEN=/.test(stdout), start === 'first', 'an admin token only once')
    t.notMatch(stdout + stderr, kept.trim())
    t.notMatch(stdout + stderr, kept.trim().split('.')[2]!)
  }
})

test('a link names a reachable host', async t => {
  t.equal(loginUrl('http://0.0.0.0:3000', 'c'), 'http://127.0.0.1:3000/#login=c')
  t.equal(loginUrl('http://[::]:3000', 'c'), 'http://localhost:3000/#login=c')
  t.equal(loginUrl('http://[::1]:3000/', 'c'), 'http://[::1]:3000/#login=c')
  t.equal(loginUrl('https://fleet.example/a/b//?x#y', 'c'), 'https://fleet.example/a/b/#login=c')
})
