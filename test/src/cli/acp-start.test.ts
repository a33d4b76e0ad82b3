import { join } from 'node:path'
import { test } from 'tap'
import { startAcp, testAgent } from '../../helpers/acp.ts'

const node = process.execPath

test('a program that cannot be the agent is reported in one line', async t => {
  const { root, run, as } = await startAcp(t)
  const token = await as('agent', 'a1')
  const acp = (...args: string[]) => run(['agent', 'acp', '--id', 'a1', '--root', root, ...args], token)
  const [missing, silent, newer, noRoot] = await Promise.all([
    acp('--', 'no-such-agent'),
    acp('--', node, '-e', 'console.error("no key"); process.exitCode = 3'),
    acp('--', node, testAgent, 'version=2'),
    run(['agent', 'acp', '--id', 'a1', '--root', join(root, 'none'), '--', node], token),
  ])
  t.match(missing, { code: 1, stderr: /There is no program no-such-agent/ })
  t.match(silent, { code: 1, stderr: /cannot be used as the agent: it ended: exit code 3: no key/ })
  t.match(newer, { code: 1, stderr: /speaks version 2 of the Agent Client Protocol, not 1/ })
  t.match(noRoot, { code: 1, stderr: /The root .*none cannot be used: ENOENT/ })
})

test('a program that requires a login says how, and --auth logs in', async t => {
  const { agent, prompt } = await startAcp(t)
  const first = await agent([node, testAgent, 'auth'])
  t.match(await prompt('say hi'), { status: 'failed', error: { code: 'auth_required', message: /--auth: browser/ } })
  await first.kill('SIGTERM')
  await agent([node, testAgent, 'auth'], ['--auth', 'browser'])
  t.match(await prompt('say hi'), { status: 'succeeded', output: 'hi' })
})
