import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { request } from '../helpers/raw.ts'

test('pages of allowed origins get the header, others do not', async t => {
  const { url, token } = await startApp(t, { config: { ALLOWED_ORIGINS: 'https://ui.example' } })
  const authorization = `Bearer ${await token('admin')}`
  const from = async (origin: string) => {
    const { status, headers } = await request(`${url}/api/v1/tokens`, { authorization, origin })
    return [status, headers['access-control-allow-origin'], headers['access-control-allow-credentials']]
  }
  t.same(await from('https://ui.example'), [200, 'https://ui.example', undefined])
  t.same(await from(url), [200, undefined, undefined], 'the server’s own pages need no header')
  t.same(await from('https://evil.example'), [200, undefined, undefined])
})

test('a preflight needs no token', async t => {
  const { url } = await startApp(t, { config: { ALLOWED_ORIGINS: 'https://ui.example' } })
  const preflight = (origin: string) =>
    request(`${url}/api/v1/tokens`, { origin, 'access-control-request-method': 'DELETE' }, 'OPTIONS')
  const allowed = await preflight('https://ui.example')
  t.equal(allowed.status, 204)
  t.match(allowed.headers, {
    'access-control-allow-methods': /DELETE/,
    'access-control-allow-headers': /Authorization.*Idempotency-Key/,
    vary: /Origin/,
  })
  const refused = await preflight('https://evil.example')
  t.match([refused.status, refused.headers['access-control-allow-origin']], [405, undefined])
  t.match(JSON.parse(refused.text), { code: 'invalid_request' })
  t.match(JSON.parse((await request(`${url}/api/v1/tokens`, {}, 'OPTIONS')).text), { code: 'invalid_request' })
})

test('errors carry the header too; otherwise a page could not read them', async t => {
  const { url } = await startApp(t, { config: { ALLOWED_ORIGINS: '*' } })
  const { status, headers } = await request(`${url}/api/v1/tokens`, { origin: 'https://any.example' })
  t.match([status, headers['access-control-allow-origin']], [401, 'https://any.example'])
})
