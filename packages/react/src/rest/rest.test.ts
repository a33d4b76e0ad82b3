import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createRest, login } from './rest.ts'

interface Asked {
  method: string
  url: string
  authorization: string | undefined
  type: string | undefined
  body: string
}

/** A server that gives every request the same response and records the requests. */
async function answering(t: Test, status: number, body: string) {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    let text = ''
    for await (const chunk of request) text += chunk
    asked.push({ method, url, authorization: headers.authorization, type: headers['content-type'], body: text })
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise(resolve => server.close(resolve)))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fleet/`
  return { url, asked, rest: createRest({ url, token: async () => 'T' }) }
}

t.test('paths, queries, bodies and tokens', async t => {
  const { url, asked, rest } = await answering(t, 200, '{"items":[],"nextCursor":null}')
  t.same(await rest.commands.list({ status: ['failed', 'lost'], limit: 5 }), {
    ok: true,
    data: { items: [], nextCursor: null },
  })
  await rest.tasks.act('t 1', 'complete', { result: 1 })
  await rest.events.list({ topics: ['agents.>', 'tasks.>'], before: 'c1' })
  await rest.tokens.revokeAll('auth0|1')
  await rest.commands.interrupt('c1')
  await login(url, 'code')
  const got = asked.map(({ method, url, body }) => `${method} ${url.replace('/fleet/api/v1', '')} ${body}`)
  t.same(got, [
    'GET /commands?status=failed%2Clost&limit=5 ',
    'POST /tasks/t%201/complete {"result":1}',
    'GET /events?topics=agents.%3E%2Ctasks.%3E&before=c1 ',
    'DELETE /subjects/auth0%7C1/tokens ',
    'POST /commands/c1/interrupt {}',
    'POST /login {"code":"code"}',
  ])
  t.same(
    asked.map(({ authorization }) => authorization),
    [...Array(5).fill('Bearer T'), undefined],
  )
  t.equal(asked[1]!.type, 'application/json')
  t.equal(asked[0]!.type, undefined)
})

t.test('a refusal is a value, with its code, whether it may pass, and its details', async t => {
  const body = { statusCode: 409, code: 'conflict', error: 'Conflict', message: 'Answered.', details: { by: 'ann' } }
  const { rest } = await answering(t, 409, JSON.stringify(body))
  const error = { code: 'conflict', message: 'Answered.', retryable: false, details: { by: 'ann' } }
  t.same(await rest.interactions.respond('i1', { optionId: 'yes' }), { ok: false, error })
})

t.test('so is what a proxy answers, a body that is no JSON, and a server that is not there', async t => {
  const proxy = await answering(t, 502, '<html>')
  t.match(await proxy.rest.tasks.get('t1'), { ok: false, error: { code: 'internal', retryable: true } })
  const limited = await answering(t, 429, '')
  t.match(await limited.rest.tasks.get('t1'), { ok: false, error: { code: 'rate_limited', retryable: true } })
  const odd = await answering(t, 200, '<html>')
  t.match(await odd.rest.tasks.get('t1'), { ok: false, error: { message: /not valid JSON/ } })
  const nobody = createRest({ url: 'http://127.0.0.1:9', token: 'T' })
  t.match(await nobody.tasks.get('t1'), { ok: false, error: { code: 'offline', retryable: true } })
})

t.test('no body is no JSON; a file is a blob', async t => {
  const none = await answering(t, 204, '')
  t.same(await none.rest.tasks.remove('t1'), { ok: true, data: undefined })
  const file = await answering(t, 200, 'a,b\n')
  const answer = await file.rest.tasks.export('csv', { status: ['failed'] })
  t.equal(answer.ok && (await answer.data.text()), 'a,b\n')
  t.equal(file.asked[0]!.url, '/fleet/api/v1/tasks/export/csv?status=failed')
})
