import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { inFull } from '../helpers/sizes.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

interface Started {
  npm: ChildProcess
  url: string
  output(): string
  /** Resolves when npm and everything it started are gone: all of them keep its output open. */
  ended: Promise<unknown>
}

async function npmStart(t: Test): Promise<Started> {
  // As in a shell: NODE_OPTIONS of the test runner would apply to every Node process and keep the compiler from
  // starting.
  const npm = spawn('env', ['-u', 'NODE_OPTIONS', 'npm', 'start'], {
    cwd: root,
    env: { ...process.env, FLEETWIRE_DATA_DIR: t.testdir(), FLEETWIRE_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own process group, as in a terminal.
    detached: true,
  })
  let output = ''
  const ended = once(npm, 'close')
  t.teardown(async () => {
    try {
      process.kill(-npm.pid!, 'SIGKILL')
    } catch {
      // All are gone already.
    }
    await ended
  })
  npm.stdout!.on('data', chunk => {
    output += chunk
  })
  npm.stderr!.on('data', chunk => {
    output += chunk
  })
  while (!/The agent "local" runs/.test(output)) {
    if (npm.exitCode !== null) throw new Error(output)
    await Promise.race([once(npm.stdout!, 'data'), once(npm.stderr!, 'data'), ended])
  }
  const [, url = ''] = /Fleetwire listens at (http:\S+)/.exec(output) ?? []
  return { npm, url, output: () => output, ended }
}

test('SIGTERM to npm start ends the server and its local agent, and frees the port', inFull, async t => {
  const { npm, url, output, ended } = await npmStart(t)
  t.equal((await fetch(`${url}/health`)).status, 200)
  npm.kill('SIGTERM')
  await ended
  await t.rejects(fetch(`${url}/health`))
  t.match(output(), /"closing"/)
})

test('a terminal’s SIGINT reaches the server twice, once through npm, and it still shuts down gracefully', async t => {
  const { npm, url, output, ended } = await npmStart(t)
  process.kill(-npm.pid!, 'SIGINT')
  await ended
  await t.rejects(fetch(`${url}/health`))
  t.match(output(), /"closing"/)
})
