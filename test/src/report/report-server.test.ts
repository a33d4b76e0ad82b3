import { existsSync, statSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/clock.ts'
import { dropReports, sendReports, Unreached } from '../../../src/report/report-client.ts'
import type { DeskReply } from '../../../src/report/report-desk.ts'
import type { ReportFrame } from '../../../src/report/report-line.ts'
import { ReportServer, type ReportServerOptions } from '../../../src/report/report-server.ts'
import { until } from '../../helpers/until.ts'

const posix = process.platform === 'win32' ? { skip: 'a named pipe has no file' } : {}

async function listening(t: Test, options: Partial<ReportServerOptions> = {}) {
  const taken: ReportFrame[] = []
  const applied: string[] = []
  let ids = 0
  const server = new ReportServer({
    clock: systemClock,
    defaults: () => ({ sessionId: 'ses_own', source: 's', newId: prefix => `${prefix}_new${ids++}` }),
    taker: {
      take: async frame => {
        taken.push(frame)
        return { ok: true }
      },
      applied: id => void applied.push(id),
    },
    ...options,
  })
  const address = await server.start()
  t.teardown(() => server.stop())
  return { server, address, taken, applied }
}

const LONG = 'long'.repeat(30)
const status = { type: 'agent:status', payload: { work: 'idle' } } as const

/** A connection that writes arbitrary data, as any program might. */
async function raw(t: Test, address: string): Promise<{ socket: Socket; read: () => string; closed: Promise<void> }> {
  const socket = createConnection(address)
  t.teardown(() => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  socket.on('error', () => {})
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
  await new Promise<void>(resolve => socket.on('connect', () => resolve()))
  return { socket, read: () => text, closed }
}

t.test('each line has a reply, however it is split', async t => {
  const { address, taken } = await listening(t)
  t.same(await sendReports(address, [status, status]), [{ ok: true }, { ok: true }])
  t.equal(taken.length, 2)
  const { socket, read } = await raw(t, address)
  const line = Buffer.from(
    `${JSON.stringify({ ...status, id: 'a', payload: { work: 'waiting', detail: 'Größe? 🙂' } })}\r\n\n`,
  )
  for (const byte of line) socket.write(Buffer.from([byte]))
  socket.write('{"type":"agent:status","id":"b","payload":{"work":"no"}}\nnonsense\n')
  await until(() => read().split('\n').length > 3)
  t.match(taken[2], { payload: { detail: 'Größe? 🙂' } })
  const replies = read()
    .trim()
    .split('\n')
    .map(reply => JSON.parse(reply))
  t.match(replies, [
    { type: 'reply', id: 'a', payload: { ok: true } },
    { type: 'reply', id: 'b', payload: { ok: false, error: { code: 'invalid_frame', message: /payload\.work/ } } },
    { type: 'reply', payload: { ok: false, error: { code: 'bad_json' } } },
  ])
})

t.test('only its own user can reach the socket, and nothing of it remains', posix, async t => {
  const { server, address } = await listening(t)
  t.equal(statSync(dirname(address)).mode & 0o777, 0o700)
  t.equal(statSync(address).mode & 0o777, 0o600)
  await server.stop()
  await server.stop()
  t.notOk(existsSync(dirname(address)))
  await t.rejects(sendReports(address, [status]), { constructor: Unreached, code: 'ENOENT' })
})

t.test('a folder whose path is too long for a socket is not used', posix, async t => {
  const server = new ReportServer({
    clock: systemClock,
    defaults: () => ({ sessionId: 's', source: 's', newId: () => 'id' }),
    taker: { take: async () => ({ ok: true }), applied: () => {} },
  })
  t.teardown(() => server.stop())
  const address = await server.start(`${t.testdir({ [LONG]: {} })}/${LONG}`)
  t.ok(address.length < 104)
  t.same(await sendReports(address, [status]), [{ ok: true }])
})

t.test('reports without replies arrive, however many there are', async t => {
  const { address, taken } = await listening(t)
  const frames = Array.from({ length: 40 }, (_, i) => ({
    type: 'message:start' as const,
    payload: { messageId: `m${i}`, text: 'x'.repeat(50_000) },
  }))
  await dropReports(address, frames, 5000)
  await until(() => taken.length === 40)
  t.same(
    taken.map(({ payload }) => ('messageId' in payload ? payload.messageId : '')),
    frames.map(({ payload }) => payload.messageId),
  )
  await dropReports(`${address}-gone`, frames, 5000)
  t.pass('and a missing server is no error')
})

t.test('an answer arrives whenever it is given, and is applied once it is delivered', async t => {
  let answer: (reply: DeskReply) => void = () => {}
  const applied: string[] = []
  const { address } = await listening(t, {
    taker: {
      take: frame =>
        frame.type === 'interaction:request'
          ? new Promise(resolve => {
              answer = resolve
            })
          : Promise.resolve({ ok: true }),
      applied: id => void applied.push(id),
    },
  })
  const { socket, read } = await raw(t, address)
  socket.write('{"type":"interaction:request","id":"q","payload":{"title":"Go?"}}\n')
  socket.write(`${JSON.stringify({ ...status, id: 's' })}\n`)
  await until(() => read().includes('"s"'))
  t.notMatch(read(), /"q"/, 'others do not wait for it')
  t.same(applied, [])
  answer({ ok: true, answer: { interactionId: 'int_1', optionId: 'yes' } })
  await until(() => applied.length === 1)
  t.match(read(), /\{"type":"interaction:answer","payload":\{"interactionId":"int_1","optionId":"yes"\},"id":"q"\}\n/)
  t.same(applied, ['int_1'])
})

t.test('an asker that disconnects is noticed', async t => {
  const { promise, resolve } = manual()
  const { address } = await listening(t, {
    taker: {
      take: (_frame, { signal }) =>
        new Promise(settle => {
          signal.addEventListener('abort', () => {
            resolve(undefined)
            settle({ ok: false, error: { code: 'unavailable', message: 'gone' } })
          })
        }),
      applied: () => t.fail('nobody got an answer'),
    },
  })
  const { socket } = await raw(t, address)
  socket.write('{"type":"interaction:request","payload":{"title":"Go?"}}\n')
  socket.end()
  await promise
  const question = { type: 'interaction:request' as const, payload: { title: 'Go?' } }
  const reason = await sendReports(address, [question], AbortSignal.timeout(50)).catch(error => error.name)
  t.equal(reason, 'TimeoutError')
})

function manual() {
  let resolve: (value: unknown) => void = () => {}
  const promise = new Promise(settle => {
    resolve = settle
  })
  return { promise, resolve }
}

t.test('a wrapper that ends leaves nobody waiting', async t => {
  const { address, server, taken } = await listening(t, {
    taker: { take: () => new Promise(() => {}), applied: () => {} },
  })
  t.same(taken, [])
  const waiting = sendReports(address, [status])
  const { socket, closed } = await raw(t, address)
  socket.write('{"ty')
  const rejected = t.rejects(waiting, { constructor: Unreached, code: /^ECLOSED|ECONNRESET$/ })
  await server.stop()
  await Promise.all([rejected, closed])
})

t.test('a line that is too long ends only its own connection', async t => {
  const { address, taken } = await listening(t, { maxLineBytes: 1000 })
  for (const text of [
    `${'x'.repeat(2000)}\n`,
    'y'.repeat(2000),
    `${JSON.stringify({ ...status, more: 'z'.repeat(990) })}\n`,
  ]) {
    const { socket, read, closed } = await raw(t, address)
    socket.write(text)
    await closed
    t.match(JSON.parse(read()), { payload: { ok: false, error: { code: 'too_large', message: /at most 1000 bytes/ } } })
  }
  const { socket, read } = await raw(t, address)
  socket.write(Buffer.concat([Buffer.from('{"type":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n')]))
  await until(() => read() !== '')
  t.match(JSON.parse(read()), {
    payload: { ok: false, error: { code: 'bad_json', message: 'The line is not UTF-8.' } },
  })
  t.same(await sendReports(address, [status]), [{ ok: true }])
  t.equal(taken.length, 1)
})

t.test('above the rate reports wait, and none is lost', async t => {
  const { address, taken } = await listening(t, { rate: { ratePerSecond: 500, burst: 10 } })
  const replies = await Promise.all(
    [1, 2, 3].map(() =>
      sendReports(
        address,
        Array.from({ length: 50 }, () => status),
      ),
    ),
  )
  t.ok(replies.flat().every(({ ok }) => ok))
  t.equal(taken.length, 150)
  await dropReports(
    address,
    Array.from({ length: 100 }, () => status),
    5000,
  )
  await until(() => taken.length === 250)
})

t.test('connections beyond the limit are closed', async t => {
  const { address } = await listening(t, { maxConnections: 2 })
  await raw(t, address)
  const { socket } = await raw(t, address)
  t.ok((await sendReports(address, [status]).catch(error => error)) instanceof Unreached)
  socket.destroy()
  await until(() =>
    sendReports(address, [status]).then(
      ([reply]) => reply?.ok,
      () => false,
    ),
  )
})
