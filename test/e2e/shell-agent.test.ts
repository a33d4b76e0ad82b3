import { fileURLToPath } from 'node:url'
import { type Command, isFinal, type TranscriptItem } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { program } from '../helpers/processes.ts'
import { isInstalled } from '../helpers/programs.ts'
import { size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'
import { root } from '../house/repository.ts'

const example = fileURLToPath(new URL('examples/agent.sh', root))

/** More than one frame of 16 KiB holds. In the other answer each line is a frame, which takes ten processes. */
const LINES = size('SHELL_LINES', { quick: 5000, full: 20_000 })
const FRAMES = size('SHELL_FRAMES', { quick: 15, full: 30 })

/** A server with the example as its agent `sh`, which answers with the given program. */
async function start(t: Test, words: string[]) {
  // The agent starts processes before it acknowledges. On a busy machine that is slow, and the server would dispatch
  // again.
  const server = await startApp(t, { config: { ACK_DEADLINE_MS: 120_000 } })
  const admin = await server.token('admin')
  const env = { FLEETWIRE_URL: server.url, FLEETWIRE_TOKEN: await server.token('agent', { sub: 'sh' }) }
  const agent = program(t, 'bash', [example, 'sh', ...words], env, t.testdir())
  await agent.printed(/is connected/)
  const call = async <T>(method: string, path: string, body?: unknown) =>
    (await server.call<T>(admin, method, `/api/v1${path}`, body)).body
  const submit = (input: unknown, more = {}) =>
    call<Command>('POST', '/agents/sh/commands', { kind: 'prompt', input, ...more })
  const ended = ({ commandId }: Command) =>
    until(async () => {
      const command = await call<Command>('GET', `/commands/${commandId}`)
      return isFinal(command.status) && command
    })
  return {
    ...server,
    agent,
    call,
    submit,
    ended,
    send: async (input: unknown, more = {}) => ended(await submit(input, more)),
    text: async (sessionId: string) => {
      const { items } = await call<{ items: TranscriptItem[] }>('GET', `/sessions/${sessionId}/messages`)
      return items.map(item => (item.kind === 'message' ? item.text : '')).join('')
    },
  }
}

test('examples/agent.sh answers prompts with the output of a program', async t => {
  if (!isInstalled(t, 'jq')) return
  const { send, submit, ended, call, text, agent } = await start(t, ['sh', '-c', 'read -r line; eval "$line"'])
  t.match(await send('tr a-z A-Z <<E\nE\necho "é 😀 \\"quoted\\" \\\\"'), { status: 'succeeded' })
  const odd = await send(`printf '%s\\n' 'é 😀 "quoted" back\\slash $(no) tab\t'`, { sessionId: 's1' })
  t.match(odd, { status: 'succeeded', output: 'é 😀 "quoted" back\\slash $(no) tab\t\n', attempt: 1 })
  t.equal(await text('s1'), 'é 😀 "quoted" back\\slash $(no) tab\t\n')
  t.match(await send('echo went wrong >&2; exit 3'), { status: 'failed', exitCode: 3, error: /went wrong/ })
  t.match(await send('echo "token:$FLEETWIRE_TOKEN"'), { output: 'token:\n' })
  await send(`seq ${LINES}`, { sessionId: 's2' })
  const lines = Array.from({ length: LINES }, (_, i) => `${i + 1}\n`).join('')
  t.equal((await text('s2')) === lines, true, 'an answer longer than one frame is complete')

  const slow = await submit('sleep 600 & wait')
  await until(async () => (await call<Command>('GET', `/commands/${slow.commandId}`)).status === 'running')
  await call('POST', `/commands/${slow.commandId}/interrupt`)
  t.match(await ended(slow), { status: 'cancelled', confirmed: true })
  t.match(await send('true', { kind: 'shell' }), { status: 'rejected', reason: 'unsupported' })

  agent.child.kill('SIGTERM')
  t.match(await agent.ended, { code: 0 })
  t.match(await call('GET', '/agents/sh'), { link: 'offline' })
  t.notMatch(agent.output(), 'the server says')
})

test('a cut connection of examples/agent.sh loses none of its reports', async t => {
  if (!isInstalled(t, 'jq')) return
  const { submit, ended, app, text, agent } = await start(t, [
    ...['sh', '-c', `for i in $(seq ${FRAMES}); do echo line $i; sleep 0.05; done`],
  ])
  const command = await submit('go', { sessionId: 's1' })
  await until(async () => (await text('s1').catch(() => '')).includes('line 5'))
  for (const connection of app.connections.list()) connection.terminate()
  await until(() => agent.output().match(/is connected/g)?.length === 2)
  t.match(await ended(command), { status: 'succeeded', attempt: 1 })
  t.equal(await text('s1'), Array.from({ length: FRAMES }, (_, i) => `line ${i + 1}\n`).join(''))
})

test('examples/agent.sh says why it cannot start', async t => {
  const run = (args: string[], env: Record<string, string>) =>
    program(t, 'bash', [example, ...args], env, t.testdir()).ended
  t.match(await run(['sh'], {}), { code: 2, stderr: /usage:/ })
  t.match(await run(['sh', 'cat'], {}), { code: 1, stderr: /mint one: fleetwire token --role agent --sub sh/ })
  t.match(await run(['sh', 'cat'], { FLEETWIRE_URL: 'https://x', FLEETWIRE_TOKEN: 'x' }), {
    code: 2,
    stderr: /only http/,
  })
  const { url } = await startApp(t)
  t.match(await run(['sh', 'cat'], { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: 'x' }), {
    code: 4,
    stderr: /refused this token/,
  })
})
