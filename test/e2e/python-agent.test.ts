import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { DashboardClient, type DashboardEvent } from '@fleetwire/client/node'
import type { Agent, Command } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { startApp } from '../helpers/build.ts'

const example = fileURLToPath(new URL('../../../examples/agent.py', import.meta.url))
/** Debian's packages belong to its own Python, which need not be the first in the PATH. */
const python = ['python3', '/usr/bin/python3'].find(
  path => spawnSync(path, ['-c', 'import websockets'], { stdio: 'ignore' }).status === 0,
)
const missing = 'no Python with websockets: apt-get install python3 python3-websockets'
const skip = python === undefined && process.env.CI !== 'true' ? missing : false

/** A server with the example as its agent `echo`, and what a dashboard sees of it. */
async function start(t: Test) {
  if (python === undefined) throw new Error(missing)
  const server = await startApp(t)
  const operator = await server.token('operator')
  const seen: DashboardEvent[] = []
  const looks = new Set<() => void>()
  const dashboard = new DashboardClient({ url: server.url, token: operator })
  t.teardown(() => dashboard.close())
  dashboard.subscribe('agents.echo.>', {
    event: event => {
      seen.push(event as DashboardEvent)
      for (const look of looks) look()
    },
  })
  dashboard.connect()
  /** The first matching event after `from`. */
  const until = (fits: (event: DashboardEvent) => boolean, from = 0) =>
    new Promise<DashboardEvent>(resolve => {
      const look = () => {
        const found = seen.slice(from).find(fits)
        if (found === undefined) return
        looks.delete(look)
        resolve(found)
      }
      looks.add(look)
      look()
    })

  const env = { FLEETWIRE_URL: server.url, FLEETWIRE_TOKEN: await server.token('agent', { sub: 'echo' }) }
  const child = spawn(python, [example, 'echo'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const isOnline = (event: DashboardEvent) =>
    event.type === 'agent:status' && (event.payload as Agent).link === 'online'
  await Promise.race([
    until(isOnline),
    ended.then(() => {
      throw new Error(said)
    }),
  ])
  return {
    ...server,
    child,
    ended,
    seen,
    until,
    isOnline,
    said: () => said,
    submit: async (input: string, kind = 'prompt') =>
      (await server.call<Command>(operator, 'POST', '/api/v1/agents/echo/commands', { kind, input })).body,
    interrupt: (id: string) => server.call(operator, 'POST', `/api/v1/commands/${id}/interrupt`),
    command: async (id: string, status: Command['status']) => {
      const event = await until(
        ({ type, payload }) => type === `command:${status}` && (payload as Command).commandId === id,
      )
      return event.payload as Command
    },
  }
}

const text = (events: DashboardEvent[], sessionId: string) =>
  events
    .filter(
      ({ type, payload }) => type === 'message:delta' && (payload as { sessionId: string }).sessionId === sessionId,
    )
    .map(({ payload }) => (payload as { delta: string }).delta)
    .join('')

test('examples/agent.py answers a prompt, streams the answer, and refuses what it does not support', {
  skip,
}, async t => {
  const { submit, command, seen, child, ended, until, said } = await start(t)
  const { commandId } = await submit('well met by moonlight')
  t.match(await command(commandId, 'succeeded'), { output: 'well met by moonlight', attempt: 1 })
  t.equal(text(seen, commandId), 'well met by moonlight')
  const progress = seen.filter(({ type }) => type === 'command:progress')
  t.match(progress.at(-1)?.payload, { progress: { progress: 1 } })

  const shell = await submit('echo no', 'shell')
  t.match(await command(shell.commandId, 'rejected'), { reason: 'unsupported' })

  child.kill('SIGTERM')
  t.same(await ended, [0, null])
  await until(({ type, payload }) => type === 'agent:status' && (payload as Agent).link === 'offline')
  t.notMatch(said(), 'the server says')
})

test('an interrupt of examples/agent.py is confirmed, and the next command runs', { skip }, async t => {
  const { submit, command, interrupt } = await start(t)
  const first = await submit('word '.repeat(500))
  await command(first.commandId, 'running')
  t.match(await interrupt(first.commandId), { status: 200, body: { affected: true } })
  t.match(await command(first.commandId, 'cancelled'), { confirmed: true })
  const second = await submit('next')
  t.match(await command(second.commandId, 'succeeded'), { output: 'next' })
})

test('a cut connection of examples/agent.py loses none of its reports', { skip }, async t => {
  const { submit, command, seen, app, until, isOnline, said } = await start(t)
  const input = Array.from({ length: 30 }, (_, i) => `word${i}`).join(' ')
  const { commandId } = await submit(input)
  await until(({ type }) => type === 'message:delta')
  const before = seen.length
  for (const connection of app.connections.list()) if (connection.kind === 'agent') connection.terminate()
  await until(isOnline, before)
  t.match(await command(commandId, 'succeeded'), { output: input, attempt: 1 })
  t.equal(text(seen, commandId), input, 'no word is missing or duplicated')
  t.equal(said().match(/is connected/g)?.length, 2)
})
