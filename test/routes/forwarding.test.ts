import type { Command } from '@fleetwire/protocol'
import t, { test } from 'tap'
import { FORWARDED } from '../../src/cluster/forwarding/forwarded-request.ts'
import { connectAgent } from '../helpers/bare-agent.ts'
import { send, sharedPair, startPair } from '../helpers/node-pair.ts'
import { request } from '../helpers/raw.ts'
import { openSse } from '../helpers/sse-client.ts'
import { connectWs } from '../helpers/ws-client.ts'

const shell = { kind: 'shell', input: 'true' }

const pair = sharedPair(t)

test('[NO1] the active node answers REST requests to any node as if they had been sent to it directly', async t => {
  const { active, gateway } = await pair()
  const token = await gateway.token('admin')
  await connectAgent(t, active, 'alpha')
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'k1' }
  const path = '/api/v1/agents/alpha/commands'
  const submitted = await send(gateway.url + path, token, { headers, chunks: [JSON.stringify(shell)] })
  const command = JSON.parse(submitted.text) as Command
  t.match(submitted, { status: 202, headers: { location: `/api/v1/commands/${command.commandId}` } })
  t.equal((await active.call<Command>(token, 'GET', `/api/v1/commands/${command.commandId}`)).status, 200)
  const again = await send(gateway.url + path, token, { headers, chunks: [JSON.stringify(shell)] })
  t.match(again, { status: 200, headers: { 'idempotent-replay': 'true' } })
  t.same(JSON.parse(again.text).commandId, command.commandId)

  const task = await gateway.call<{ taskId: string }>(token, 'POST', '/api/v1/tasks', { title: 'One' })
  t.equal(task.status, 201)
  t.equal((await gateway.call(token, 'DELETE', `/api/v1/tasks/${task.body.taskId}`)).status, 204)
  t.equal((await active.call(token, 'GET', `/api/v1/tasks/${task.body.taskId}`)).status, 404)
  t.match(await gateway.call(token, 'POST', '/api/v1/tasks', { title: 1 }), {
    status: 400,
    body: { code: 'invalid_request' },
  })
  t.match(await gateway.call(token, 'GET', '/api/v1/commands/none'), { status: 404, body: { code: 'not_found' } })
  const head = await send(`${gateway.url}/api/v1/agents`, token, { method: 'HEAD' })
  t.match(head, { status: 200, headers: { 'content-length': /^\d+$/ }, text: '' })
  const odd = encodeURIComponent('a/../b?c')
  t.equal(
    (await gateway.call(token, 'DELETE', `/api/v1/subjects/${odd}/tokens`)).status,
    204,
    'a subject of any form has a path',
  )
  const inject = { method: 'POST' as const, url: '/api/v1/tasks', headers: { authorization: `Bearer ${token}` } }
  const injected = await gateway.app.inject({ ...inject, payload: { title: 'Two' } })
  t.equal(injected.statusCode, 201, 'code in the process can send requests too')
  t.equal((await active.call(token, 'GET', `/api/v1/tasks/${injected.json().taskId}`)).status, 200)
  const forwarded = active.requests.filter(({ headers }) => FORWARDED in headers)
  t.equal(forwarded.length, gateway.requests.length + 1, 'all of them were forwarded')
})

test('[NO2] bodies are forwarded unchanged, up to the size limit of the route', async t => {
  const { active, gateway } = await pair()
  const token = await gateway.token('admin')
  const url = `${gateway.url}/api/v1/events`
  const json = { 'content-type': 'application/json' }
  const event = (n: number) => ({
    topic: 'users.admin.inbox',
    type: 'custom:note',
    payload: { n, text: 'x'.repeat(30_000) },
  })
  const large = JSON.stringify(Array.from({ length: 20 }, (_, n) => event(n)))
  const pieces = large.match(/.{1,50000}/gs)!
  t.equal((await send(url, token, { headers: json, chunks: pieces })).status, 202, 'in chunks')
  const length = { ...json, 'content-length': String(large.length) }
  t.equal((await send(url, token, { headers: length, chunks: [large] })).status, 202, 'with its length')
  const { body } = await active.call<{ items: { payload: { n: number } }[] }>(
    token,
    'GET',
    '/api/v1/events?topics=users.admin.inbox',
  )
  t.equal(body.items.length, 40)

  const before = active.requests.length
  const tooLong = { ...json, 'content-length': String(2 * 1024 * 1024) }
  t.match(await send(url, token, { headers: tooLong, chunks: ['['] }).catch(() => ({ status: 413 })), { status: 413 })
  t.equal(active.requests.length, before, 'a body whose declared length is too large does not reach the active node')
  const tooMany = Array.from({ length: 40 }, () => Buffer.alloc(50_000, 32))
  t.match(await send(url, token, { headers: json, chunks: tooMany }), { status: 413, text: /too_large/ })
  t.match(await send(url, token, { headers: json, chunks: ['{'] }), { status: 400, text: /bad_json/ })
  t.match(await send(url, token, { headers: { 'content-type': 'text/csv' }, chunks: ['a,b'] }), { status: 415 })
  t.match(await send(url, token, { headers: { ...json, 'content-encoding': 'gzip' }, chunks: ['{}'] }), { status: 415 })
  t.equal(
    (await send(url, token, { headers: { ...json, expect: '100-continue' }, chunks: [JSON.stringify(event(1))] }))
      .status,
    202,
  )
})

test('[NO3] reads are answered by the node that receives them, and refused requests never reach the active node', async t => {
  const { active, gateway } = await startPair(t, {
    config: { ALLOWED_ORIGINS: 'https://page.example', REST_RATE: 30 },
  })
  const token = await gateway.token('viewer')
  const before = active.requests.length
  const stream = await openSse(t, `${gateway.url}/api/v1/events/stream`, { authorization: `Bearer ${token}` })
  t.equal(stream.response.statusCode, 200)
  t.equal((await gateway.call(token, 'GET', '/api/v1/events')).status, 200)
  for (const path of ['/health', '/ready', '/openapi.json', '/asyncapi.json', '/metrics'])
    t.equal((await gateway.call(token, 'GET', path)).status, 200, path)
  t.equal((await gateway.call(undefined, 'GET', '/api/v1/agents')).status, 401)
  t.equal((await gateway.call('false', 'GET', '/api/v1/agents')).status, 401)
  t.equal((await gateway.call(token, 'POST', '/api/v1/tasks', {})).status, 403)
  t.equal((await gateway.call(token, 'GET', '/api/v1/nothing')).status, 404)
  t.equal((await gateway.call(token, 'PUT', '/api/v1/agents', {})).status, 405)
  const asks = { origin: 'https://page.example', 'access-control-request-method': 'POST' }
  t.match(await request(`${gateway.url}/api/v1/tasks`, asks, 'OPTIONS'), {
    status: 204,
    headers: { 'access-control-allow-origin': 'https://page.example' },
  })
  let last = 200
  while (last === 200) last = (await gateway.call(token, 'GET', '/api/v1/events')).status
  t.equal(last, 429)
  t.equal((await gateway.call(token, 'GET', '/api/v1/agents')).status, 429)
  t.equal(active.requests.length, before)
})

test('[NO4] the active node knows the sender as the forwarding node saw it, and trusts no other claim', async t => {
  const { active, gateway } = await startPair(t, {
    config: { TRUST_PROXY: '127.0.0.1', ALLOWED_ORIGINS: 'https://page.example' },
  })
  const token = await gateway.token('admin')
  const proxied = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-prefix': '/fw', 'x-forwarded-host': 'fleet.example' }
  const body = { headers: { ...proxied, 'content-type': 'application/json', origin: 'https://page.example' } }
  const task = await send(`${gateway.url}/api/v1/tasks`, token, { ...body, chunks: ['{"title":"One"}'] })
  const { taskId } = JSON.parse(task.text)
  t.match(task.headers, {
    location: `/fw/api/v1/tasks/${taskId}`,
    'access-control-allow-origin': 'https://page.example',
  })
  await send(`${gateway.url}/api/v1/tasks/${taskId}`, token, { method: 'DELETE', headers: proxied })
  const audits = async () => {
    const { body } = await active.call<{ items: { payload: { address: string; via: string } }[] }>(
      token,
      'GET',
      '/api/v1/events?topics=system.audit',
    )
    return body.items.map(({ payload }) => payload.address)
  }
  const mint = { 'content-type': 'application/json' }
  await send(`${gateway.url}/api/v1/tokens`, token, {
    headers: { ...proxied, ...mint },
    chunks: ['{"sub":"x","role":"viewer"}'],
  })
  t.same((await audits()).slice(-1), ['203.0.113.9'])

  const claim = encodeURIComponent(
    JSON.stringify({ address: '198.51.100.1', reachedAt: { protocol: 'http', host: 'x', prefix: '/no' } }),
  )
  for (const [url, key] of [
    [active.url, 'guessed'],
    [gateway.url, 'guessed'],
    // No client knows this key. Even with it, a client reaches only its own node, which forwards the request.
    [gateway.url, gateway.node.key],
  ] as const) {
    const headers = { ...mint, [FORWARDED]: `${key} ${claim}` }
    const { status } = await send(`${url}/api/v1/tokens`, token, { headers, chunks: ['{"sub":"y","role":"viewer"}'] })
    t.not((await audits()).at(-1), '198.51.100.1', `${status}`)
  }
})

test('[NO5] an app with its own users authenticates the request again on the active node, with the original headers', async t => {
  const seen: { host: string | undefined; cookie: string | undefined; origin: string | undefined }[] = []
  const { gateway } = await startPair(t, {
    authenticate: ({ headers }) => {
      seen.push({ host: headers.host, cookie: headers.cookie, origin: headers.origin })
      return headers.cookie === 'session=ann' ? { sub: 'ann', role: 'operator' } : null
    },
  })
  const { host } = new URL(gateway.url)
  const headers = { cookie: 'session=ann', origin: `http://${host}`, 'content-type': 'application/json' }
  const answer = await send(`${gateway.url}/api/v1/tasks`, '', { headers, chunks: ['{"title":"One"}'] })
  t.equal(answer.status, 201, answer.text)
  const own = { host, cookie: 'session=ann', origin: `http://${host}` }
  t.same(seen, [own, own])
})

test('[NO6] a forwarded request waits until the active node has everything its sender may have seen', async t => {
  const { active, gateway } = await pair()
  const token = await gateway.token('admin')
  const client = await connectWs(t, gateway.url, token)
  const asks = {
    rest: () => gateway.call(token, 'POST', '/api/v1/tasks', { title: 'One' }),
    frame: () => client.request('command:interrupt', { commandId: 'none' }),
  }
  for (const [what, ask] of Object.entries(asks)) {
    let isAnswered = false
    let caughtUp = () => {}
    const asked = new Promise<number>(resolve => {
      active.node.catchUp = head => {
        resolve(head)
        return new Promise(done => {
          caughtUp = () => done(true)
        })
      }
    })
    // Other events are appended in the meantime, for example when a socket opens.
    const head = () => Number.parseInt(gateway.log.head.split('.')[1]!, 36)
    const before = head()
    const answer = ask().then(() => {
      isAnswered = true
    })
    const seen = await asked
    t.ok(before <= seen && seen <= head(), `${what}: ${before} <= ${seen} <= ${head()}`)
    await new Promise(resolve => setImmediate(resolve))
    t.notOk(isAnswered)
    caughtUp()
    await answer
  }
})

test('[NO6] a node that is behind what the sender may have seen does nothing, and the request is sent to it again', async t => {
  const { active, gateway } = await startPair(t)
  const token = await gateway.token('admin')
  const client = await connectWs(t, gateway.url, token)
  await connectAgent(t, active, 'alpha')
  let asked = 0
  active.node.catchUp = async () => ++asked % 3 === 0
  t.equal((await gateway.call(token, 'POST', '/api/v1/tasks', { title: 'One' })).status, 201)
  t.equal(asked, 3)
  const submitted = await client.request('command:request', { agentId: 'alpha', ...shell })
  t.match(submitted, { ok: true })
  t.equal(asked, 6)
  active.node.catchUp = async () => true
  t.equal((await gateway.call<{ items: unknown[] }>(token, 'GET', '/api/v1/tasks')).body.items.length, 1)
  t.equal((await gateway.call<{ items: unknown[] }>(token, 'GET', '/api/v1/commands')).body.items.length, 1)
})

test('[NO6] a response waits until the forwarding node has the change', async t => {
  const { active, gateway } = await pair()
  const token = await gateway.token('admin')
  let caughtUp = () => {}
  const asked = new Promise<number>(resolve => {
    gateway.node.catchUp = head => {
      resolve(head)
      return new Promise(done => {
        caughtUp = () => done(true)
      })
    }
  })
  let isAnswered = false
  const answer = gateway.call(token, 'POST', '/api/v1/tasks', { title: 'One' }).then(({ status, headers }) => {
    isAnswered = true
    return { status, headers: Object.fromEntries(headers) }
  })
  t.equal(await asked, Number.parseInt(active.log.head.split('.')[1]!, 36))
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(isAnswered)
  caughtUp()
  const { status, headers } = await answer
  t.equal(status, 201)
  t.same(
    Object.keys(headers).filter(name => name.startsWith('fleetwire')),
    [],
    'headers between nodes stay between nodes',
  )
})
