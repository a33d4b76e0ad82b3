import { createHash } from 'node:crypto'
import Fastify from 'fastify'
import { test } from 'tap'
import fleetwire from '../../src/index.ts'
import { frameGroups } from '../../src/reference/frame-groups.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { inSharedThread } from '../helpers/log-thread.ts'

interface Document {
  asyncapi: string
  servers: Record<string, { host: string; protocol: string; pathname: string }>
}

test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test('[RE9] [RE16] /asyncapi.json needs no token and names this server', async t => {
    const { call, url } = server
    const { status, body } = await call<Document>(undefined, 'GET', '/asyncapi.json')
    t.equal(status, 200)
    t.match(body, { asyncapi: '3.0.0', servers: { this: { host: new URL(url).host, protocol: 'ws', pathname: '' } } })
  })

  await t.test('[RE16] the page shows every frame once and links it from the contents', async t => {
    const { call } = server
    const { status, headers, body } = await call<string>(undefined, 'GET', '/asyncapi')
    t.equal(status, 200)
    t.match(headers.get('content-type'), /^text\/html/)
    const ids = [...body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    t.same(ids, [...new Set(ids)], 'no duplicate ids')
    const links = new Set([...body.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id))
    t.same(
      [...links].filter(id => !ids.includes(id)),
      [],
      'every link has a target',
    )
    for (const { id } of frameGroups.flatMap(({ frames }) => frames)) t.ok(ids.includes(id) && links.has(id), id)
    t.match(body, /name=viewport|name="viewport"/)
    t.match(body, /commandId.*at most 64/s)
  })

  await t.test('the page needs no script and no other file, and its policy allows none', async t => {
    const { call } = server
    const { headers, body } = await call<string>(undefined, 'GET', '/asyncapi')
    const [, style = ''] = /<style>([^<]*)<\/style>/.exec(body) ?? []
    const hash = createHash('sha256').update(style).digest('base64')
    t.match(headers.get('content-security-policy'), `default-src 'none';style-src 'sha256-${hash}'`)
    t.notMatch(body, /<script|<link|<img|\son\w+=|\sstyle=|(src|href)="https?:/)
  })
})

test('both are served under the prefix of an app that mounts Fleetwire', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fleetwire, {
    startWorker: inSharedThread,
    prefix: '/fleet',
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  const document = (await app.inject('/fleet/asyncapi.json')).json<Document>()
  t.equal(document.servers.this?.pathname, '/fleet')
  const page = await app.inject('/fleet/asyncapi')
  t.equal(page.statusCode, 200)
  t.match(page.body, 'href="asyncapi.json"', 'links are relative')
})
