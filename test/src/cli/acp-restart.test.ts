import { join } from 'node:path'
import { test } from 'tap'
import { startAcp, testAgent } from '../../helpers/acp.ts'

test('with --restart the program is started again, and resumes its conversations if it can', async t => {
  const { agent, prompt, root, lifecycle, transcript } = await startAcp(t)
  await agent([process.execPath, testAgent, `load=${join(root, 'memory')}`], ['--restart'])
  t.match(await prompt('turns', { sessionId: 's1' }), { output: 'turn 1' })
  t.match(await prompt('exit 7', { sessionId: 's2' }), { status: 'failed', error: { message: /exit code 7/ } })
  t.match(await lifecycle('crashed'), { exitCode: 7 })
  t.match(await lifecycle('restarted'), {})
  t.match(await prompt('turns', { sessionId: 's1' }), { status: 'succeeded', output: 'turn 2' })
  t.same(
    (await transcript('s1')).map(item => item.kind === 'message' && item.text),
    ['turn 1', 'turn 2'],
    'what the program replays of the past is not repeated',
  )
})

test('a program that cannot resume a conversation starts a new one, and says so', async t => {
  const { agent, prompt, transcript } = await startAcp(t)
  const first = await agent()
  t.match(await prompt('turns', { sessionId: 's1' }), { output: 'turn 1' })
  await first.kill('SIGTERM')
  await agent()
  t.match(await prompt('turns', { sessionId: 's1' }), { output: 'turn 1' })
  t.match((await transcript('s1'))[1], { role: 'system', text: /does not know what was said before/ })
})

test('a cancelled turn that does not end is ended with the program, which is started again', async t => {
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
  await bridge.printed(/is killed and restarted/)
  t.match(await prompt('say back'), { status: 'succeeded', output: 'back' })
})
