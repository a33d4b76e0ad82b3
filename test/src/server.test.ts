import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Test, test } from 'tap'
import { SECRET } from '../helpers/build.ts'
import { hmacToken } from '../helpers/foreign-token.ts'
import { rawWebSocket } from '../helpers/raw-websocket.ts'

const server = new URL('../../src/server.js', import.meta.url).href

function start(t: Test, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, ['-e', `import('${server}').then(({ serve }) => serve())`], {
    env: { ...process.env, FLEETWIRE_DATA_DIR: t.testdir(), FLEETWIRE_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

async function address(child: ChildProcess): Promise<string> {
  for await (const line of createInterface(child.stdout!)) {
    const url = /listening at (http:\S+?)"/.exec(line)?.[1]
    if (url !== undefined) return url
  }
  throw new Error('it ended before it listened')
}

test('a process that cannot start says why and exits', async t => {
  const child = start(t, { FLEETWIRE_PORT: 'many' })
  let text = ''
  child.stderr!.on('data', chunk => {
    text += chunk
  })
  const [code] = await once(child, 'close')
  t.equal(code, 1)
  t.match(text, 'FLEETWIRE_PORT must be integer')
})

test('the process serves; simultaneous signals count once and shut it down gracefully; a later one ends it at once', async t => {
  const twice = start(t, {})
  t.equal((await fetch(`${await address(twice)}/ready`)).status, 200)
  twice.kill('SIGINT')
  twice.kill('SIGINT')
  twice.kill('SIGTERM')
  t.same(await once(twice, 'exit'), [0, null])

  const waiting = start(t, { FLEETWIRE_JWT_SECRET: SECRET })
  const url = await address(waiting)
  // The shutdown waits some seconds for a peer that answers nothing.
  await rawWebSocket(t, url, hmacToken(SECRET))
  waiting.kill('SIGTERM')
  const insisting = setInterval(() => waiting.kill('SIGTERM'), 1100)
  t.teardown(() => clearInterval(insisting))
  t.same(await once(waiting, 'exit'), [null, 'SIGTERM'])
})
