import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Pty } from '../../../src/exec/pty.ts'
import { startForCli } from '../../helpers/cli.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
const bin = fileURLToPath(new URL('../../../../bin/fleetwire', import.meta.url))
const exec = ['agent', 'exec', '--id', 'a1']

test('a hang-up is ignored without a terminal; with one, the agent reports its exit', async t => {
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

const namespaces = (() => {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' })
    return {}
  } catch {
    return { skip: 'no PID namespace can be created here' }
  }
})()

test('as process 1 the agent reaps what its commands leave behind, and forwards signals', namespaces, async t => {
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
