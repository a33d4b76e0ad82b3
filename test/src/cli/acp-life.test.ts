import { join } from 'node:path'
import type { Agent } from '@fleetwire/protocol'
import { test } from 'tap'
import { startAcp, testAgent } from '../../helpers/acp.ts'

const node = process.execPath

test('a program that is killed shows as crashed, its command as failed; the bridge ends as it did', async t => {
  const { agent, submit, ended, lifecycle, until, call, admin } = await startAcp(t)
  const bridge = await agent()
  const { commandId } = await submit('say begun\npids\ncomplain out of memory\nwait', { sessionId: 's1' })
  const pid = await until(({ type, payload }) => {
    const { delta } = payload as { delta?: string }
    return type === 'message:delta' ? delta?.match(/(\d+) +\d+$/m)?.[1] : undefined
  })
  await bridge.printed(/out of memory/)
  process.kill(Number(pid), 'SIGKILL')
  t.match(await ended(commandId), {
    status: 'failed',
    error: { code: 'program_ended', message: /what it did is not known: killed by SIGKILL: out of memory/ },
  })
  t.match(await lifecycle('crashed'), { signal: 'SIGKILL', message: 'killed by SIGKILL: out of memory' })
  t.match(await bridge.ended, { code: 137 })
  t.match((await call<Agent>(admin, 'GET', '/api/v1/agents/a1')).body, {
    link: 'offline',
    work: 'stopped',
    running: [],
  })
})

test('with --restart it is started again, and takes up its conversations where it can', async t => {
  const { agent, prompt, root, lifecycle, transcript } = await startAcp(t)
  await agent([node, testAgent, `load=${join(root, 'memory')}`], ['--restart'])
  t.match(await prompt('turns', { sessionId: 's1' }), { output: 'turn 1' })
  t.match(await prompt('exit 7', { sessionId: 's2' }), { status: 'failed', error: { message: /exit code 7/ } })
  t.match(await lifecycle('crashed'), { exitCode: 7 })
  t.match(await lifecycle('restarted'), {})
  t.match(await prompt('turns', { sessionId: 's1' }), { status: 'succeeded', output: 'turn 2' })
  t.same(
    (await transcript('s1')).map(item => item.kind === 'message' && item.text),
    ['turns', 'turn 1', 'turns', 'turn 2'],
    'what the program tells of the past is not said twice',
  )
})

test('one that cannot take up a conversation begins another, and says so', async t => {
  const { agent, prompt, transcript } = await startAcp(t)
  const first = await agent()
  t.match(await prompt('turns', { sessionId: 's1' }), { output: 'turn 1' })
  await first.kill('SIGTERM')
  await agent()
  t.match(await prompt('turns', { sessionId: 's1' }), { output: 'turn 1' })
  t.match((await transcript('s1'))[2], { role: 'system', text: /does not know what was said before/ })
})

test('a turn that does not end although it was cancelled ends with the program, which is started again', async t => {
  const { agent, submit, ended, interrupt, prompt, until } = await startAcp(t, { CANCEL_DEADLINE_MS: 500 })
  const bridge = await agent()
  const { commandId } = await submit('say stuck\nhang')
  await until(({ type, payload }) =>
    type === 'message:delta' && (payload as { delta: string }).delta === 'stuck' ? true : undefined,
  )
  await interrupt(commandId)
  t.match(await ended(commandId), {
    status: 'cancelled',
    confirmed: true,
    detail: /The program ended: killed by SIGKILL/,
  })
  await bridge.printed(/is killed and started again/)
  t.match(await prompt('say back'), { status: 'succeeded', output: 'back' })
})

test('a bridge that is stopped in the middle of a turn ends it first, with what it asks', async t => {
  const { agent, submit, ended, asked, lifecycle, call, admin } = await startAcp(t)
  const bridge = await agent()
  const { commandId } = await submit('ask May I?')
  const { interactionId } = await asked(commandId)
  bridge.child.kill('SIGINT')
  t.match(await ended(commandId), { status: 'cancelled' })
  t.match(await lifecycle('stopped'), {})
  t.match((await call(admin, 'GET', `/api/v1/interactions/${interactionId}`)).body, { state: 'cancelled' })
  t.match(await bridge.ended, { code: 0 })
})
