import Fastify from 'fastify'
import { type Test, test } from 'tap'
import fleetwire from '../../src/index.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { inSharedThread } from '../helpers/log-thread.ts'
import { request } from '../helpers/raw.ts'
import { connectWs, refusedUpgrade } from '../helpers/ws-client.ts'

const forwarded = {
  'x-forwarded-host': 'fleet.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-prefix': '/fleet',
}

async function serverOf(t: Test, TRUST_PROXY: string) {
  const server = await startApp(t, { config: { TRUST_PROXY } })
  const bearer = { authorization: `Bearer ${await server.token('operator')}` }
  /** Whether the upgrade of a page of this origin is accepted. */
  async function letsIn(origin: string, headers: Record<string, string>): Promise<boolean> {
    const all = { ...bearer, ...headers, origin }
    try {
      await connectWs(t, server.url, '', '/ws', all)
      return true
    } catch {
      t.match(await refusedUpgrade(`${server.url}/ws`, { headers: all }), { status: 403 })
      return false
    }
  }
  return { ...server, bearer, letsIn }
}

test('[AU7] [AU15] a page of this server may open a socket, whatever host name its proxy forwards', async t => {
  const plain = await serverOf(t, '')
  t.ok(await plain.letsIn('https://fleet.example', { host: 'fleet.example:443' }))
  t.ok(await plain.letsIn('http://fleet.example', { host: 'fleet.example:80' }))
  t.notOk(await plain.letsIn('https://fleet.example', { host: '10.0.0.7:3000', ...forwarded }), 'nobody is trusted')
  for (const trust of ['loopback', '127.0.0.1', '1', 'true']) {
    const { letsIn } = await serverOf(t, trust)
    t.ok(await letsIn('https://fleet.example', { host: '10.0.0.7:3000', ...forwarded }), trust)
    const port = { host: '10.0.0.7:3000', ...forwarded, 'x-forwarded-host': 'fleet.example:443' }
    t.ok(await letsIn('https://fleet.example', port), trust)
    t.ok(await letsIn('https://fleet.example:8443', { ...forwarded, 'x-forwarded-port': '8443' }), trust)
    t.notOk(await letsIn('https://evil.example', { host: '10.0.0.7:3000', ...forwarded }), trust)
    t.notOk(await letsIn('http://10.0.0.7:3000', { host: '10.0.0.7:3000', ...forwarded }), trust)
  }
  const other = await serverOf(t, '192.0.2.1')
  t.notOk(
    await other.letsIn('https://fleet.example', { host: '10.0.0.7:3000', ...forwarded }),
    'another proxy is trusted',
  )
})

test('[RE19] the server’s own URLs are valid in front of its proxy', async t => {
  const { url, bearer } = await serverOf(t, 'loopback')
  const post = (path: string, body: object, headers = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { ...bearer, ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const tasks = '/api/v1/tasks'
  t.match((await post(tasks, { title: 'x' })).headers.get('location'), /^\/api\/v1\/tasks\/task_/)
  t.match((await post(tasks, { title: 'x' }, forwarded)).headers.get('location'), /^\/fleet\/api\/v1\/tasks\/task_/)
  const evil = { 'x-forwarded-prefix': '//evil.example' }
  t.match((await post(tasks, { title: 'x' }, evil)).headers.get('location'), /^\/api\/v1\/tasks\/task_/)

  const get = async (path: string, headers: Record<string, string> = {}) => (await request(url + path, headers)).text
  for (const path of ['/openapi.json', '/docs/json']) {
    t.same(JSON.parse(await get(path, forwarded)).servers, [{ url: '/fleet' }], path)
    t.equal(JSON.parse(await get(path)).servers, undefined, path)
  }
  t.match(await get('/docs/yaml', forwarded), /\nservers:\n {2}- url: "\/fleet"\n$/)
  t.match(JSON.parse(await get('/asyncapi.json', { host: '10.0.0.7', ...forwarded })).servers.this, {
    host: 'fleet.example',
    protocol: 'wss',
    pathname: '/fleet',
  })
})

test('[RE19] pages load and link everything under an unknown prefix', async t => {
  const { url } = await startApp(t)
  // As a browser resolves them, behind a proxy that strips `/fleet`.
  for (const page of ['/fleet/', '/fleet/docs', '/fleet/docs/', '/fleet/asyncapi']) {
    const { text } = await request(url + page.slice('/fleet'.length))
    const links = [...text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, link]) => new URL(link!, `http://x${page}`))
    t.ok(links.length > 1, page)
    for (const { pathname } of links) {
      t.ok(pathname.startsWith('/fleet/'), `${page} links to ${pathname}`)
      t.equal((await request(url + pathname.slice('/fleet'.length))).status, 200, pathname)
    }
  }
})

test('an embedding app has its own trust setting', async t => {
  const app = Fastify({ trustProxy: 'loopback' })
  t.teardown(() => app.close())
  await app.register(fleetwire, {
    startWorker: inSharedThread,
    prefix: '/inner',
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  const headers = { ...forwarded, 'x-forwarded-for': '203.0.113.9' }
  const { servers } = (await app.inject({ url: '/inner/asyncapi.json', headers })).json()
  t.match(servers.this, { host: 'fleet.example', protocol: 'wss', pathname: '/fleet/inner' })
})
