import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { Capture } from '../helpers/capture.ts'
import { request, sendBytes } from '../helpers/raw.ts'

const faulty = (app: FastifyInstance) => {
  app.get('/fault', async () => {
    throw new Error('the password is hunter2')
  })
  app.get('/fault-503', async () => {
    throw Object.assign(new Error('disk sda1 is full'), { statusCode: 503 })
  })
  app.get('/teapot', async () => {
    throw Object.assign(new Error('short and stout'), { statusCode: 418 })
  })
  app.get('/not-an-error', async () => {
    throw 'a string'
  })
}

test('[RE1] [RE2] every refusal has the same shape', async t => {
  const { url, token, call } = await startApp(t, { extend: faulty })
  const admin = await token('admin')
  const tokens = '/api/v1/tokens'
  const post = async (text: string, type = 'application/json') => {
    const headers = { authorization: `Bearer ${admin}`, 'content-type': type }
    const response = await fetch(url + tokens, { method: 'POST', headers, body: text })
    return { status: response.status, body: await response.json() }
  }
  const good = { sub: 'x', role: 'viewer' }
  const cases: [
    name: string,
    answer: Promise<{ status: number; body: unknown }>,
    status: number,
    code: string,
    message: RegExp,
  ][] = [
    ['not JSON', post('{'), 400, 'bad_json', /JSON/],
    ['empty', post(''), 400, 'invalid_request', /^body is required/],
    ['prototype poisoning', post('{"__proto__":{"x":1}}'), 400, 'bad_json', /JSON|proto/],
    [
      'too large',
      post(JSON.stringify({ ...good, pad: 'x'.repeat(1_100_000) })),
      413,
      'too_large',
      /larger than 1048576 bytes/,
    ],
    ['media type', post('a=b', 'application/x-www-form-urlencoded'), 415, 'invalid_request', /application\/json/],
    ['missing field', call(admin, 'POST', tokens, { sub: 'x' }), 400, 'invalid_request', /^body\.role is required\.$/],
    [
      'unknown field',
      call(admin, 'POST', tokens, { ...good, rle: 1 }),
      400,
      'invalid_request',
      /^body\.rle is not a field/,
    ],
    [
      'wrong type is not coerced',
      call(admin, 'POST', tokens, { ...good, ttlSeconds: '60' }),
      400,
      'invalid_request',
      /^body\.ttlSeconds must be integer/,
    ],
    [
      'wrong value',
      call(admin, 'POST', tokens, { ...good, role: 'root' }),
      400,
      'invalid_request',
      /^body\.role must be one of viewer, operator, admin, agent\.$/,
    ],
    ['not an object', call(admin, 'POST', tokens, 'text'), 400, 'invalid_request', /^body must be object/],
    ['query', call(admin, 'GET', `${tokens}?limit=0`), 400, 'invalid_request', /^query\.limit must be >= 1/],
    [
      'query of the wrong type',
      call(admin, 'GET', `${tokens}?limit=x`),
      400,
      'invalid_request',
      /^query\.limit must be integer/,
    ],
    ['unknown query', call(admin, 'GET', `${tokens}?limti=5`), 400, 'invalid_request', /^query\.limti is not a field/],
    ['path', call(admin, 'DELETE', '/api/v1/tasks/no%20id'), 400, 'invalid_request', /^params\.taskId must match/],
    ['no such task', call(admin, 'DELETE', '/api/v1/tasks/none'), 404, 'not_found', /none/],
    ['no such route', call(admin, 'GET', '/nowhere?secret=1'), 404, 'not_found', /^There is no GET \/nowhere\.$/],
    ['no such method', call(admin, 'PUT', tokens, {}), 405, 'invalid_request', /PUT.*accepts GET, HEAD, POST/],
    ['bad URL', call(admin, 'GET', '/%E0%A4%A'), 400, 'invalid_request', /URL/],
    ['long parameter', call(admin, 'DELETE', `/api/v1/tasks/${'x'.repeat(5000)}`), 414, 'invalid_request', /./],
    ['other status', call(admin, 'GET', '/teapot'), 418, 'invalid_request', /short and stout/],
    ['fault', call(admin, 'GET', '/fault'), 500, 'internal', /^Internal server error; it was logged\.$/],
    [
      'fault with a status',
      call(admin, 'GET', '/fault-503'),
      503,
      'unavailable',
      /^The server cannot accept this right now/,
    ],
    ['not an error', call(admin, 'GET', '/not-an-error'), 500, 'internal', /./],
  ]
  for (const [name, answer, status, code, message] of cases) {
    const got = await answer
    t.match(got, { status, body: { statusCode: status, code, error: String, message } }, name)
    t.strictSame(
      Object.keys(got.body as object).filter(key => key !== 'details'),
      ['statusCode', 'code', 'error', 'message'],
      name,
    )
  }
})

test('query strings are converted, and an invalid field is named in machine-readable form', async t => {
  const { token, call } = await startApp(t)
  const admin = await token('admin')
  t.equal((await call(admin, 'GET', '/api/v1/tokens?limit=5')).status, 200)
  t.match((await call(admin, 'POST', '/api/v1/tokens', { sub: 'x', role: 'viewer', agents: ['ok', 'no way'] })).body, {
    details: { in: 'body', path: '/agents/1' },
  })
})

test('input that is not HTTP gets an error of the same shape', async t => {
  const { url } = await startApp(t)
  const body = async (bytes: string) => JSON.parse((await sendBytes(url, bytes)).split('\r\n\r\n')[1] ?? 'null')
  t.match(await body('nonsense\r\n\r\n'), { statusCode: 400, code: 'invalid_request' })
  t.match(await body(`GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`), { statusCode: 431, code: 'too_large' })
})

test('an internal error is logged with its message, which the caller does not see', async t => {
  const stream = new Capture()
  const { url } = await startApp(t, { logger: { stream }, extend: faulty })
  t.notMatch((await request(`${url}/fault`)).text, 'hunter2')
  t.match(stream.text, 'hunter2')
})
