import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Pty } from '../../../src/exec/pty.ts'
import { startForCli } from '../../helpers/cli.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
const bin = fileURLToPath(new URL('../../../../bin/fleetwire', import.meta.url))
const exec = ['agent', 'exec', '--id', 'a1']

test('a hang-up is ignored without a terminal; with one the agent reports its exit', async t => {
  const { start, as, run, call, admin, url, log } = await startForCli(t)
  const token = await as('agent', 'a1')
  const agent = start(exec, token)
  await agent.printed(/is connected/)
  agent.child.kill('SIGHUP')
  t.match(await run(['send', 'a1', '--wait', 'echo still here']), { code: 0, stdout: /still here/ })
  await agent.kill('SIGTERM')

  const goodbye = new Promise<unknown>(resolve => {
    const unfollow = log.follow(events => {
      const stopped = events.find(e => (e.payload as { lifecycle?: string }).lifecycle === 'stopped')
      if (stopped === undefined) return
      unfollow()
      resolve(stopped.payload)
    })
  })
  let said = ''
  let connected = () => {}
  const online = new Promise<void>(resolve => {
    connected = resolve
  })
  const onTerminal = new Pty({
    ...{ file: process.execPath, args: [main, ...exec], cwd: t.testdir(), cols: 80, rows: 24 },
    env: { PATH: process.env.PATH ?? '', HOME: t.testdirName, FLEETWIRE_URL: url, ...token },
    onData: bytes => {
      said += Buffer.from(bytes).toString()
      if (said.includes('is connected')) connected()
    },
  })
  await online
  process.kill(onTerminal.pid, 'SIGHUP')
  t.match(await onTerminal.exited, { exitCode: 0 })
  onTerminal.close()
  t.match(await goodbye, { lifecycle: 'stopped' })
  t.match((await call(admin, 'GET', '/api/v1/agents/a1')).body, { link: 'offline' })
})

test('commands of the local agent see none of the server’s settings', async t => {
  const folder = t.testdir()
  const env = { PATH: process.env.PATH ?? '', HOME: folder, FLEETWIRE_DATA_DIR: join(folder, 'data') }
  const secrets = { FLEETWIRE_JWT_SECRET: 'a-secret-that-nobody-should-see-at-all', FLEETWIRE_NATS_CREDS: '' }
  const server = spawn(process.execPath, [main, 'serve', '--local-agent', '--port', '0'], {
    cwd: folder,
    env: { ...env, ...secrets },
  })
  t.teardown(() => server.kill('SIGKILL'))
  let said = ''
  const url = await new Promise<string>(resolve => {
    const look = (chunk: Buffer) => {
      said += chunk
      const match = said.match(/listens at (http:\S+)/)
      if (match && said.includes('is connected')) resolve(match[1]!)
    }
    server.stdout.on('data', look)
    server.stderr.on('data', look)
  })
  const send = spawn(
    process.execPath,
    [main, 'send', 'local', '--wait', 'env; echo its parent:; tr "\\0" "\\n" </proc/$PPID/environ'],
    {
      cwd: folder,
      env: { ...env, ...secrets, FLEETWIRE_URL: url },
    },
  )
  let output = ''
  send.stdout.on('data', chunk => {
    output += chunk
  })
  await new Promise(resolve => send.once('close', resolve))
  t.match(output, /FLEETWIRE_COMMAND_ID=cmd_/)
  t.notMatch(output, /JWT_SECRET|nobody-should-see|DATA_DIR/, 'nor does its agent')
  t.notMatch(output.split('its parent:')[0], /FLEETWIRE_TOKEN/)
  const ended = new Promise(resolve => server.once('exit', resolve))
  server.kill('SIGTERM')
  await ended
})

const namespaces = (() => {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' })
    return {}
  } catch {
    return { skip: 'no PID namespace can be made here' }
  }
})()

test('as process 1 it reaps what its commands leave behind, and passes signals on', namespaces, async t => {
  const { url, as, run, call, admin } = await startForCli(t)
  const env = { PATH: process.env.PATH ?? '', HOME: t.testdir(), FLEETWIRE_URL: url, ...(await as('agent', 'a1')) }
  const agent = spawn('unshare', ['--pid', '--fork', '--mount-proc', '--kill-child', bin, ...exec], { env })
  t.teardown(() => agent.kill('SIGKILL'))
  let said = ''
  await new Promise<void>(resolve =>
    agent.stderr.on('data', chunk => {
      said += chunk
      if (said.includes('is connected')) resolve()
    }),
  )
  for (let i = 0; i < 3; i++) t.match(await run(['send', 'a1', '--wait', '(setsid sleep 0.1 &)']), { code: 0 })
  const left = 'for s in /proc/[0-9]*/stat; do read -r line <$s && echo "$line"; done 2>/dev/null'
  const waited = `while ${left} | grep -E "\\(sleep\\)|\\) Z "; do sleep 0.1; done; echo nobody is left`
  t.match(await run(['send', 'a1', '--wait', waited]), { code: 0, stdout: /nobody is left/ })
  const ended = new Promise(resolve => agent.once('exit', resolve))
  await run(['send', 'a1', 'kill -TERM 1'])
  await ended
  t.match((await call(admin, 'GET', '/api/v1/agents/a1')).body, { link: 'offline' })
})
