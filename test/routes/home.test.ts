import { createHash } from 'node:crypto'
import Fastify from 'fastify'
import { test } from 'tap'
import fleetwire from '../../src/index.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { request } from '../helpers/raw.ts'

test('[RE21] the address printed at the start is a page that says what this is', async t => {
  const { url } = await startApp(t)
  const { status, headers, text } = await request(`${url}/`)
  t.match({ status, headers }, { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
  t.match(text, /Fleetwire.*href="docs"/s)
  const [, style = ''] = /<style>(.*?)<\/style>/s.exec(text) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = String(headers['content-security-policy'])
  t.ok(policy.startsWith(`default-src 'none';style-src 'sha256-${hash}';`), 'the style is the one that is allowed')
  t.notMatch(text, /<script|\sstyle=|\son\w+=|https?:/)
  t.equal((await request(`${url}/`, {}, 'HEAD')).status, 200)
})

test('[RE21] where it is embedded the page stands at its prefix, with and without a slash', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fleetwire, { prefix: '/fleet', config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET } })
  app.get('/', async () => 'of the host')
  t.equal((await app.inject('/')).body, 'of the host')
  for (const path of ['/fleet', '/fleet/']) {
    const page = await app.inject(path)
    t.equal(page.statusCode, 200)
    const links = [...page.body.matchAll(/href="([^"]+)"/g)].map(([, link]) => new URL(link!, `http://x${path}`))
    t.ok(links.length > 3)
    for (const { pathname } of links) t.equal((await app.inject(pathname)).statusCode, 200, pathname)
  }
})

test('at the root of an app that embeds this one the page is its own', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fleetwire, { config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET } })
  app.get('/', async () => 'of the host')
  t.equal((await app.inject('/')).body, 'of the host')
  t.equal((await app.inject('/health')).statusCode, 200)
})
