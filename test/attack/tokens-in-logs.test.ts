import { connect } from 'node:net'
import Fastify from 'fastify'
import { type Test, test } from 'tap'
import fleetwire from '../../src/index.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { Capture } from '../helpers/capture.ts'
import { inSharedThread } from '../helpers/log-thread.ts'
import { size } from '../helpers/sizes.ts'

/** Mistakes that a client may make with `?token=`. § represents the token. */
const targets = [
  '/ws?token=§',
  '/ws?%74oken=§',
  '/ws?%74%6F%6B%65%6E=§',
  '/ws?x=1&tok%65n=§&y=2',
  '/ws?token=§&token=§',
  '/ws?token%3D§',
  '/ws?%2574oken=§',
  '/ws?Token=§',
  '/ws?§',
  '/ws??token=§',
  '/ws?a=b?token=§',
  '/ws;token=§',
  '/ws#token=§',
  '/ws%3Ftoken=§',
  '/ws%253Ftoken%253D§',
  '/ws/§',
  '/agent?token=§',
  '/ws/tasks/t1?token=§',
  '/ws/tasks/§',
  '/health?token=§',
  '/nowhere?token=§',
  '/%zz?token=§',
  '/%E0%A4%A?token=§',
  '/api/v1/agents?token=§',
  '/api/v1/agents/§',
  '/api/v1/events/stream?token=§&topics=%',
  '/docs?token=§',
  'http://fleet.example/ws?token=§',
]
const heads = [
  '',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  'Connection: Upgrade\r\nUpgrade: h2c\r\n',
  'Referer: http://x/?token=§\r\nX-Forwarded-Host: §\r\nCookie: token=§\r\nX-Request-Id: §\r\n',
  'Authorization: Basic §\r\n',
  'Sec-WebSocket-Protocol: fleetwire.v1, bearer.§, bearer.§\r\n',
  'Content-Length: -1\r\n',
  '§\r\n',
  'Transfer-Encoding: §\r\n',
]

/** Sends every n-th request, so that each target still occurs with each head, method and spelling. */
const EVERY = size('TOKENS_EVERY', { quick: 5, full: 1 })

async function sendAll(url: string, token: string): Promise<void> {
  const { hostname, port } = new URL(url)
  const escaped = [...token].map(char => `%${char.charCodeAt(0).toString(16)}`).join('')
  let n = 0
  for (const written of [token, `%65${token.slice(1)}`, token.replaceAll('.', '%2e'), escaped]) {
    for (const method of ['GET', 'POST', 'TRACE']) {
      const requests = targets
        .flatMap(target =>
          heads.map(head => `${method} ${target} HTTP/1.1\r\nHost: §\r\n${head}\r\n`.replaceAll('§', written)),
        )
        .filter(() => n++ % EVERY === 0)
      await Promise.all(
        requests.map(
          text =>
            new Promise<void>(resolve => {
              const socket = connect(Number(port), hostname, () => socket.write(text))
              socket.once('data', () => socket.destroy())
              socket.on('error', () => {}).once('close', () => resolve())
            }),
        ),
      )
    }
  }
}

function noneIn(t: Test, log: string, token: string): void {
  const [, body = '', signature = ''] = token.split('.')
  const escaped = (text: string) => [...text].map(char => `%${char.charCodeAt(0).toString(16)}`).join('')
  for (const secret of [body, signature, escaped(body).slice(3), escaped(signature)]) {
    const at = log.indexOf(secret)
    t.equal(at, -1, at === -1 ? 'no line contains it' : log.slice(Math.max(0, at - 300), at + 100))
  }
}

test('[AU5] no line of the log contains a token, wherever its sender put it', async t => {
  const stream = new Capture()
  const { url, token } = await startApp(t, {
    logger: { stream },
    config: { LOG_LEVEL: 'trace', ALLOW_QUERY_TOKEN: true },
  })
  const secret = await token('viewer')
  await sendAll(url, secret)
  t.match(stream.text, 'request refused')
  noneIn(t, stream.text, secret)
})

test('[AU5] no line in the log of an embedding app contains a token', async t => {
  const stream = new Capture()
  const app = Fastify({ logger: { stream, level: 'trace' } })
  t.teardown(() => app.close())
  await app.register(fleetwire, {
    startWorker: inSharedThread,
    prefix: '/fleet',
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  await app.ready()
  const minted = await app.tokens.mint({ sub: 'ann', role: 'viewer' }, 'test')
  if (minted.status !== 'minted') return t.fail(minted.status)
  for (const path of [
    '/fleet/ws',
    '/fleet/api/v1/events/stream',
    '/fleet/api/v1/agents',
    '/fleet/health',
    '/fleet/none',
  ]) {
    for (const name of ['token', '%74oken']) await app.inject(`${path}?${name}=${minted.token}&topics=x..y`)
  }
  t.match(stream.text, '/fleet/ws')
  noneIn(t, stream.text, minted.token)
})
