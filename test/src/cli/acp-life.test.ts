import type { Agent } from '@fleetwire/protocol'
import { test } from 'tap'
import { startAcp } from '../../helpers/acp.ts'

test('a killed program shows as crashed and its command as failed, and the bridge ends with the same code', async t => {
  const { agent, submit, ended, lifecycle, until } = await startAcp(t)
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
  const left = await until(({ type, payload }) =>
    type === 'agent:status' && (payload as Agent).link === 'offline' ? payload : undefined,
  )
  t.match(left, { work: 'stopped', running: [] })
})

test('a bridge that is stopped in mid-turn first ends the turn and its question', async t => {
  const { agentProcess, submit, ended, asked, lifecycle, call, admin } = await startAcp(t)
  const bridge = await agentProcess()
  const { commandId } = await submit('ask May I?')
  const { interactionId } = await asked(commandId)
  bridge.child.kill('SIGINT')
  t.match(await ended(commandId), { status: 'cancelled' })
  t.match(await lifecycle('stopped'), {})
  t.match((await call(admin, 'GET', `/api/v1/interactions/${interactionId}`)).body, { state: 'cancelled' })
  t.match(await bridge.ended, { code: 0 })
})
