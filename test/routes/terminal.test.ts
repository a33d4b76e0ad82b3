import { topics } from '@fleetwire/protocol'
import { test } from 'tap'
import { draftOf } from '../../src/log/draft.ts'
import { startApp } from '../helpers/build.ts'

const base = '/api/v1/agents/a1/terminal'

test('a terminal can be read as text, with colours, and as a recording', async t => {
  const { app, call, token } = await startApp(t)
  const viewer = await token('viewer')
  app.terminals.output('a1', { terminalId: 'one', offset: 0, data: 'first', encoding: 'utf8' })
  app.terminals.output('a1', { terminalId: 'two', offset: 0, data: '\x1b[31mred\x1b[m\r\n', encoding: 'utf8' })
  const text = await call(viewer, 'GET', base)
  t.match(text, { status: 200, body: 'red\n' })
  t.equal(text.headers.get('content-type'), 'text/plain; charset=utf-8')
  t.match(await call(viewer, 'GET', `${base}?terminalId=one`), { status: 200, body: 'first\n' })
  t.match(await call(viewer, 'GET', `${base}?format=ansi`), { status: 200, body: '\x1b[31mred' })
  const cast = await call<string>(viewer, 'GET', `${base}?format=cast`)
  t.equal(cast.headers.get('content-type'), 'application/x-asciicast')
  t.match(JSON.parse(cast.body.split('\n')[0] ?? ''), { version: 3, term: { cols: 80, rows: 24 } })
})

test('unknown terminals, hidden agents and invalid queries are refused', async t => {
  const { app, call, token } = await startApp(t)
  app.terminals.output('a1', { terminalId: 'one', offset: 0, data: 'secret', encoding: 'utf8' })
  const viewer = await token('viewer')
  t.match(await call(await token('viewer', { sub: 'v2', agents: ['b*'] }), 'GET', base), {
    status: 404,
    body: { code: 'not_found' },
  })
  t.match(await call(viewer, 'GET', `${base}?terminalId=other`), { status: 404, body: { code: 'not_found' } })
  t.match(await call(viewer, 'GET', '/api/v1/agents/nobody/terminal'), { status: 404, body: { code: 'not_found' } })
  t.match(await call(viewer, 'GET', `${base}?format=html`), { status: 400, body: { code: 'invalid_request' } })
  t.match(await call(await token('agent', { sub: 'a1' }), 'GET', base), { status: 403 })
  t.match(await call(undefined, 'GET', base), { status: 401 })
})

test('removing an agent removes its terminals', async t => {
  const { app, call, token, log } = await startApp(t)
  app.terminals.output('a1', { terminalId: 'one', offset: 0, data: 'x', encoding: 'utf8' })
  await log.append([draftOf('agent:removed', topics.agentStatus('a1'), { agentId: 'a1' }, { record: 'delete' })])
  t.match(await call(await token('viewer'), 'GET', base), { status: 404 })
})
