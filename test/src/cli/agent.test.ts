import type { Agent } from '@fleetwire/protocol'
import { test } from 'tap'
import { run, startForCli } from '../../helpers/cli.ts'

test('agent exec connects with its id and labels, and reports its exit', async t => {
  const { start, as, call, admin, inStatus, run: runHere } = await startForCli(t)
  const token = await as('agent', 'a1')
  const agent = start(
    ['agent', 'exec', '--id', 'a1', '--name', 'Ada', '--label', 'os=linux', '--label', 'n=a=b'],
    token,
  )
  await agent.printed(/agent "a1" is connected to http/)
  const { body } = await call<Agent>(admin, 'GET', '/api/v1/agents/a1')
  t.match(body, { name: 'Ada', labels: { os: 'linux', n: 'a=b', host: String }, capabilities: { kinds: ['shell'] } })
  const running = inStatus('a1', 'running')
  await runHere(['send', 'a1', 'sleep 600'])
  await running
  const cancelled = inStatus('a1', 'cancelled')
  // Like timeout(1) and npm: to the process, and again to its group.
  agent.child.kill('SIGTERM')
  agent.child.kill('SIGTERM')
  t.match(await agent.ended, { code: 0 })
  t.match(await cancelled, { reason: 'agent' }, 'the running command was ended and reported')
  t.match((await call<Agent>(admin, 'GET', '/api/v1/agents/a1')).body, { link: 'offline', work: 'stopped' })
})

test('a second agent with the same id ends the first, which says so', async t => {
  const { startHere, as, call, admin } = await startForCli(t)
  const token = await as('agent', 'a1')
  const first = startHere(['agent', 'exec', '--id', 'a1'], token)
  await first.printed(/is connected/)
  const second = startHere(['agent', 'exec', '--id', 'a1'], token)
  await second.printed(/is connected/)
  t.match(await first.ended, {
    code: 5,
    stderr:
      /another process took over as agent "a1", so this one ends\. Give each process its own id and token;.*exit code 5\n$/,
  })
  t.match((await call<Agent>(admin, 'GET', '/api/v1/agents/a1')).body, { link: 'online' })
})

test('a token that cannot work ends the agent with 4 and a hint', async t => {
  const { startHere, as } = await startForCli(t)
  const exec = (env: Record<string, string>) =>
    startHere(['agent', 'exec', '--id', 'a1', '--journal', t.testdir()], env).ended
  t.match(await exec(await as('agent', 'a2')), { code: 4, stderr: /is for "a2", not for the agent "a1"/ })
  t.match(await exec({ FLEETWIRE_TOKEN: '' }), { code: 4, stderr: /fleetwire token --role agent --sub a1/ })
  t.match(await exec({ FLEETWIRE_TOKEN: 'x' }), { code: 4, stderr: /refused this agent: .*401/ })
  t.match(await exec(await as('operator', 'a1')), { code: 4, stderr: /refused this agent: .*403/ })
  t.match(await run(t, ['agent', 'exec', '--id', 'a1', '--with-parent'], { FLEETWIRE_TOKEN: 'x' }), {
    code: 2,
    stderr: /--with-parent/,
  })
})
