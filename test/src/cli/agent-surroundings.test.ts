import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { startForCli } from '../../helpers/cli.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
const exec = ['agent', 'exec', '--id', 'a1']

test('agent exec runs commands even if SHELL is nologin, and says which shell it uses', async t => {
  const { startHere, as, run } = await startForCli(t)
  const agent = startHere(exec, { ...(await as('agent', 'a1')), SHELL: '/usr/sbin/nologin' })
  await agent.printed(/commands run in \/bin\/sh: \/usr\/sbin\/nologin/)
  await agent.printed(/is connected/)
  t.match(await run(['send', 'a1', '--wait', 'echo hello']), { code: 0, stdout: /hello/ })
  const named = await startHere([...exec, '--shell', '/bin/false'], await as('agent', 'a1')).ended
  t.match(named, { code: 1, stderr: /There is no shell for commands: \/bin\/false does not run/ })
})

test('the agent sets the default run timeout', async t => {
  const { startHere, as, run } = await startForCli(t)
  const agent = startHere(exec, { ...(await as('agent', 'a1')), FLEETWIRE_RUN_TIMEOUT: '1s' })
  await agent.printed(/is connected/)
  t.match(await run(['send', 'a1', '--wait', 'sleep 600']), { code: 124 })
  const wrong = await startHere(exec, { ...(await as('agent', 'a1')), FLEETWIRE_RUN_TIMEOUT: 'soon' }).ended
  t.match(wrong, { code: 2, stderr: /FLEETWIRE_RUN_TIMEOUT/ })
})

const root = process.getuid?.() === 0 ? {} : { skip: 'only root can become a user that does not exist' }
test('a user without a passwd entry or home can run the program and an agent', root, async t => {
  const { url, as, run, call, admin } = await startForCli(t)
  const token = await as('agent', 'a1')
  const uid = 54_321
  const env = { PATH: process.env.PATH ?? '', FLEETWIRE_URL: url, ...token }
  const options = { uid, gid: uid, cwd: '/' }
  t.match(execFileSync(process.execPath, [main, '--version'], { ...options, env }).toString(), /^\d+\.\d+/)
  for (const HOME of [undefined, '/nonexistent']) {
    const agent = spawn(process.execPath, [main, ...exec], { ...options, env: HOME ? { ...env, HOME } : env })
    t.teardown(() => agent.kill('SIGKILL'))
    let said = ''
    await new Promise<void>((resolve, reject) => {
      agent.stderr.on('data', chunk => {
        said += chunk
        if (said.includes('is connected')) resolve()
      })
      agent.once('exit', () => reject(new Error(said)))
    })
    t.match(said, /the journal is kept in .*; choose another folder with --journal/)
    t.match(await run(['send', 'a1', '--wait', 'id -u']), { code: 0, stdout: /54321/ })
    const gone = new Promise(resolve => agent.once('exit', resolve))
    agent.kill('SIGTERM')
    await gone
  }
  t.match((await call(admin, 'GET', '/api/v1/agents/a1')).body, { link: 'offline' })
})
