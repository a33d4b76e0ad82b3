import helmet from '@fastify/helmet'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import { test } from 'tap'
import { controlPlane } from '../../src/app.ts'
import fleetwire from '../../src/index.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { inSharedThread } from '../helpers/log-thread.ts'
import { request, sendBytes } from '../helpers/raw.ts'
import { refusedUpgrade } from '../helpers/ws-client.ts'

test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test('[RE22] every response has nosniff and no-store', async t => {
    const { url, token } = server
    const authorization = `Bearer ${await token('admin')}`
    const kept = { 'x-content-type-options': 'nosniff', 'cache-control': /^no-store/ }
    const answers: [string, { headers: object }][] = [
      ['/api/v1/agents', await request(`${url}/api/v1/agents`, { authorization })],
      ['no token', await request(`${url}/api/v1/agents`)],
      ['nothing', await request(`${url}/nowhere`)],
      ['wrong method', await request(`${url}/api/v1/agents`, {}, 'PUT')],
      ['bad URL', await request(`${url}/%zz`)],
      ['/health', await request(`${url}/health`)],
      ['/openapi.json', await request(`${url}/openapi.json`)],
      ['/docs', await request(`${url}/docs`)],
      ['/asyncapi', await request(`${url}/asyncapi`)],
      ['refused upgrade', await refusedUpgrade(`${url}/ws`)],
    ]
    for (const [name, { headers }] of answers) t.match(headers, kept, name)
    t.match((await request(`${url}/docs/static/swagger-ui.css`)).headers, { 'x-content-type-options': 'nosniff' })
    t.match(await sendBytes(url, 'nonsense\r\n\r\n'), /x-content-type-options: nosniff/i)
    const stream = await fetch(`${url}/api/v1/events/stream`, { headers: { authorization } })
    t.match(Object.fromEntries(stream.headers), kept)
    await stream.body?.cancel()
  })

  await t.test('[RE22] pages load only their own resources, with their own scheme', async t => {
    const { url } = server
    for (const page of ['/', '/docs', '/docs/', '/asyncapi']) {
      const { headers, text } = await request(url + page)
      const policy = String(headers['content-security-policy'])
      t.match(policy, /default-src 'none'/, page)
      t.match(policy, /frame-ancestors 'none'/, page)
      t.match(headers, {
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      })
      t.notOk('strict-transport-security' in headers, 'a page sets no policy for its whole host')
      t.notMatch(policy, /upgrade-insecure-requests|unsafe-inline|unsafe-eval|https?:|\*/, page)
      t.notMatch(text, /<script>|<script [^>]*>[^<\s]|\son\w+=|(src|href)="(https?:)?\/\//, page)
    }
  })

  await t.test('[RE22] each header appears once, and headers for pages only on pages', async t => {
    const { url } = server
    for (const path of ['/', '/docs', '/docs/', '/docs/static/swagger-ui.css', '/asyncapi']) {
      const names = await headerNames(url + path)
      t.same(names, [...new Set(names)], path)
      t.ok(names.includes('content-security-policy'), path)
    }
    for (const path of ['/health', '/openapi.json', '/asyncapi.json', '/api/v1/agents', '/nowhere'])
      t.notOk((await headerNames(url + path)).includes('content-security-policy'), path)
  })
})

test('[RE22] a host with @fastify/helmet keeps its headers, and the pages keep theirs', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(helmet)
  app.get('/', async () => 'of the host')
  await app.register(fleetwire, {
    startWorker: inSharedThread,
    prefix: '/fleet',
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.match((await request(url)).headers['content-security-policy'], /upgrade-insecure-requests/)
  for (const path of ['/fleet', '/fleet/docs/', '/fleet/asyncapi']) {
    const names = await headerNames(url + path)
    t.same(names, [...new Set(names)], path)
    t.match(
      (await request(url + path)).headers['content-security-policy'],
      /^default-src 'none';((?!upgrade).)*$/,
      path,
    )
  }
})

/** Header names as sent: an HTTP client would merge duplicates. */
async function headerNames(url: string): Promise<string[]> {
  const { host, pathname } = new URL(url)
  const answer = await sendBytes(url, `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  const [, ...lines] = answer.slice(0, answer.indexOf('\r\n\r\n')).split('\r\n')
  return lines.map(line => line.slice(0, line.indexOf(':')).toLowerCase())
}

test('[RE23] a method that a path does not support gets 405 with the supported ones', async t => {
  const routes = new Map<string, string[]>()
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRoute', ({ url, method }) => void routes.set(url, [...(routes.get(url) ?? []), method].flat()))
  await app.register(fp(controlPlane), {
    startWorker: inSharedThread,
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  await app.ready()
  t.ok(routes.size > 40, `${routes.size} routes`)
  let refused = 0
  for (const [path, known] of routes) {
    if (path.endsWith('*')) continue
    const url = path.replace(/:\w+/g, 'x1')
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'LOCK']) {
      if (known.includes(method) || (method === 'GET' && known.includes('HEAD'))) continue
      const { statusCode, headers, body } = await app.inject({ method: method as 'GET', url })
      // Another route of the path may support it.
      if (statusCode === 401) continue
      refused++
      const allowed = String(headers.allow).split(', ')
      const missing = known.filter(method => !allowed.includes(method))
      if (statusCode !== 405 || missing.length > 0)
        t.fail(`${method} ${url}: ${statusCode}, allowed ${allowed}, not ${missing}`)
      if (method === 'PATCH')
        t.match(JSON.parse(body), { statusCode: 405, code: 'invalid_request', message: /the path accepts/ })
    }
  }
  t.ok(refused > 200, `${refused} were refused`)
  const ask = (method: string, url: string) => app.inject({ method: method as 'GET', url })
  t.equal((await ask('PUT', '/nowhere')).statusCode, 404)
  t.equal((await ask('GET', '/docs/static/nothing.js')).statusCode, 404, 'a file route without this file')
  for (const type of ['application/json', 'text/plain', 'nonsense']) {
    const sent = { method: 'PUT' as const, headers: { 'content-type': type }, payload: '{' }
    t.equal((await app.inject({ ...sent, url: '/health' })).statusCode, 405, 'whatever the body')
    t.equal((await app.inject({ ...sent, url: '/nowhere' })).statusCode, 404)
  }
  t.match(await ask('PUT', '/api/v1/tokens?x=1'), { statusCode: 405, headers: { allow: 'GET, HEAD, POST' } })
  t.match(await ask('POST', '/%77s'), { statusCode: 405, headers: { allow: 'GET' } })
})
