import { test } from 'tap'
import { startForCli } from '../helpers/cli.ts'
import { step } from '../helpers/github-step.ts'
import { some } from '../helpers/sizes.ts'

/* What a workflow passes to examples/github-action, and what the action does with it. */

test('a step sends a command, waits for it, and ends like the command', async t => {
  const { url, token, agent } = await startForCli(t)
  await agent('build-1', {
    prompt: async run => ({ status: 'succeeded', output: { said: run.input, in: run.sessionId ?? '' } }),
  })
  const operator = await token('operator', { agents: ['build-*'] })
  const inputs = { server: `${url}/`, token: operator, agent: 'build-1' }
  t.testdir()

  const good = step(t, 1, { ...inputs, input: "printf 'one\\n::error::two\\n```\\n'" })
  t.match(await good.ended, { code: 0, stdout: /^succeeded|Output/m })
  const told = (await good.ended).stdout
  t.match(told, new RegExp(`::add-mask::${operator}`))
  t.equal(told.split(operator).length, 2, 'only the runner is told the token')
  t.match(told, /::stop-commands::(\S+)\n[\s\S]*::error::two[\s\S]*\n::\1::/, 'output is no command to the runner')
  t.match(good.outputs(), {
    status: 'succeeded',
    'exit-code': '0',
    output: /one\n::error::two\n```/,
    'command-id': /^cmd_/,
  })
  t.match(good.summary(), /### `build-1`: succeeded\n\n````\none/)

  const bad = step(t, 2, { ...inputs, input: 'echo broken; exit 7' })
  t.match(await bad.ended, { code: 7, stdout: /::error::The command failed/ })
  t.match(bad.outputs(), { status: 'failed', 'exit-code': '7' })

  const late = step(t, 3, { ...inputs, input: 'sleep 60', 'timeout-minutes': '0.005' })
  t.match(await late.ended, { code: 124, stdout: /::error::The command timed_out/ })

  const prompt = step(t, 4, { ...inputs, kind: 'prompt', input: 'hello', session: 's1' })
  t.match(await prompt.ended, { code: 0 })
  t.match(prompt.outputs(), { output: '{"said":"hello","in":"s1"}' })

  const again = step(t, 5, { ...inputs, input: 'echo $RANDOM', 'idempotency-key': 'k' })
  await again.ended
  const same = step(t, 6, { ...inputs, input: 'echo $RANDOM', 'idempotency-key': 'k' })
  await same.ended
  t.same(same.outputs(), again.outputs(), 'one command per key')
  const more = step(t, 7, { ...inputs, input: "printf 'one\\n::error::two\\n```\\n'" })
  await more.ended
  t.match(more.outputs()['command-id'], /^cmd_/)
  t.not(
    more.outputs()['command-id'],
    good.outputs()['command-id'],
    'without a key, identical steps are separate commands',
  )
})

test('a step that cannot run says why', async t => {
  const { url, token, agent } = await startForCli(t)
  await agent('build-1')
  const operator = await token('operator', { agents: ['build-*'] })
  const inputs = { server: url, token: operator, agent: 'build-1', input: 'true' }
  t.testdir()
  const cases: [Record<string, string>, number, RegExp][] = [
    [{ ...inputs, token: 'nonsense' }, 1, /::error::HTTP 401: /],
    [{ ...inputs, agent: 'other' }, 1, /::error::HTTP 404: /],
    [{ ...inputs, server: 'fleet.example' }, 2, /::error::Input server: not an http\(s\) URL\./],
    [{ ...inputs, input: '' }, 2, /::error::Input input: missing\./],
    [{ ...inputs, 'timeout-minutes': 'soon' }, 2, /::error::Input timeout-minutes/],
  ]
  for (const [i, [given, code, stdout]] of some('FLAWED_STEPS', 2, cases).entries())
    t.match(await step(t, i, given).ended, { code, stdout })
})

test('cancelling a step interrupts its command', async t => {
  const { url, token, agent, inStatus } = await startForCli(t)
  await agent('build-1')
  t.testdir()
  const running = inStatus('build-1', 'running')
  const sent = step(t, 1, { server: url, token: await token('operator'), agent: 'build-1', input: 'sleep 600' })
  await running
  await sent.running.printed(/cmd_\w+ of agent/)
  const cancelled = inStatus('build-1', 'cancelled')
  sent.running.child.kill('SIGINT')
  t.match(await sent.ended, { code: 130 })
  t.match(await cancelled, { confirmed: true })
})
