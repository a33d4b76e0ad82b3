import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { sendBytes } from '../helpers/raw.ts'

const types = ['application/json', 'application/json; charset=utf-8', 'text/plain', 'application/octet-stream', '', 'x']
const empty: Record<string, string> = {
  'no length': '\r\n',
  'length 0': 'Content-Length: 0\r\n\r\n',
  'no chunks': 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
}

test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test('[RE20] an empty body counts as no body, whatever its content type', async t => {
    const { url, token, call } = server
    const admin = await token('admin')
    const created = await call<{ taskId: string }>(admin, 'POST', '/api/v1/tasks', { title: 'x' })
    const { taskId } = created.body
    const calls: [method: string, path: string, status: number][] = [
      ['POST', `/api/v1/tasks/${taskId}/start`, 200],
      ['POST', '/api/v1/commands/none/interrupt', 404],
      ['POST', '/api/v1/commands/none/retry', 404],
      ['POST', '/api/v1/batches/none/stop', 404],
      ['POST', '/api/v1/agents/none/disconnect', 404],
      ['DELETE', '/api/v1/commands/none', 404],
      ['DELETE', '/api/v1/tasks/none', 404],
      ['DELETE', '/api/v1/tokens/none', 404],
      ['DELETE', '/api/v1/connections/none', 404],
      ['POST', '/api/v1/tasks', 400],
    ]
    const head = `Host: x\r\nConnection: close\r\nAuthorization: Bearer ${admin}\r\n`
    for (const [method, path, status] of calls) {
      for (const type of types) {
        for (const [name, end] of Object.entries(empty)) {
          // An invalid content type is refused before the server knows that the body is empty.
          if (name === 'no chunks' && !type.includes('/')) continue
          const said = `${method} ${path} HTTP/1.1\r\n${head}Content-Type: ${type}\r\n${end}`
          const [answer = ''] = (await sendBytes(url, said)).split('\r\n', 1)
          t.match(
            answer,
            new RegExp(`^HTTP/1.1 ${status === 404 ? '(404|204)' : status} `),
            `${method} ${path} ${type}, ${name}`,
          )
        }
      }
    }
    const [, text = ''] = (
      await sendBytes(url, `POST /api/v1/tasks HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\n`)
    ).split('\r\n\r\n')
    t.match(JSON.parse(text), { code: 'invalid_request', message: /^body is required: send JSON/ })
  })

  await t.test('[RE20] a body that is not JSON is refused with a hint at what to send', async t => {
    const { url, token } = server
    const authorization = `Bearer ${await token('admin')}`
    const post = async (body: string | Uint8Array | ReadableStream, headers: Record<string, string>) => {
      const sent = { method: 'POST', headers: { authorization, ...headers }, body, duplex: 'half' }
      const response = await fetch(`${url}/api/v1/tasks`, sent as RequestInit)
      return { status: response.status, accept: response.headers.get('accept'), ...((await response.json()) as object) }
    }
    const json = { 'content-type': 'application/json' }
    const table: [
      name: string,
      answer: Promise<object>,
      expected: { status: number; code?: string; message: RegExp },
    ][] = [
      [
        'text',
        post('x', { 'content-type': 'text/plain' }),
        { status: 415, message: /"text\/plain".*application\/json/ },
      ],
      [
        'a form',
        post('a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
        { status: 415, message: /curl/ },
      ],
      ['none', post(new Uint8Array([123, 125]), {}), { status: 415, message: /no content type.*application\/json/ }],
      ['nonsense', post('{}', { 'content-type': 'json' }), { status: 415, message: /application\/json/ }],
      [
        'chunks',
        post(new Blob(['x']).stream(), { 'content-type': 'text/csv' }),
        { status: 415, message: /"text\/csv".*application\/json/ },
      ],
      [
        'compressed',
        post('x', { ...json, 'content-encoding': 'gzip' }),
        { status: 415, message: /without Content-Encoding/ },
      ],
      ['not JSON', post('{"title":x}', json), { status: 400, code: 'bad_json', message: /not valid JSON: .*x/ }],
      ['poison', post('{"__proto__":{}}', json), { status: 400, code: 'bad_json', message: /__proto__/ }],
      ['large', post('x'.repeat(2 ** 21), json), { status: 413, code: 'too_large', message: /1048576 bytes/ }],
    ]
    for (const [name, answer, expected] of table) {
      t.match(await answer, { ...expected, accept: expected.status === 415 ? 'application/json' : null }, name)
    }
  })
})
