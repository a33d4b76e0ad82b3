import type { Session } from '@fleetwire/protocol'
import { test } from 'tap'
import { exampleAgent, startAcp } from '../../helpers/acp.ts'

test('the example agent of the library up to 1.9 asks, a dashboard answers, the run continues, and a cancel ends it', async t => {
  const { agent, submit, asked, answer, ended, transcript, interrupt, until, call, admin } = await startAcp(t)
  const bridge = await agent([process.execPath, exampleAgent])
  const { commandId } = await submit('Change the configuration', { sessionId: 's1' })
  const question = await asked(commandId)
  t.match(question, {
    ...{ kind: 'permission', title: 'Modifying critical configuration file', risk: 'medium', sessionId: 's1' },
    subject: { type: 'tool_call', preview: /new-host/, digest: /^sha256:/ },
    options: [
      { id: 'allow', label: 'Allow this change', effect: 'allow', scope: 'once' },
      { id: 'reject', label: 'Skip this change', effect: 'deny', scope: 'once' },
    ],
  })
  t.match(await answer(question.interactionId, { optionId: 'allow' }), { status: 200 })
  t.match(await ended(commandId), { status: 'succeeded', output: /I'll help you[\s\S]*Perfect!/ })
  t.match(await transcript('s1'), [
    { kind: 'message', role: 'assistant', text: /^I'll help you/, commandId },
    {
      ...{ kind: 'tool', name: 'Reading project files', state: 'ended', commandId },
      args: { kind: 'read', locations: ['/project/README.md'], input: { path: '/project/README.md' } },
      result: { status: 'completed', content: [{ type: 'text', text: /My Project/ }] },
    },
    { kind: 'message', text: /Now I understand/ },
    { kind: 'tool', name: 'Modifying critical configuration file', result: { output: { success: true } } },
    { kind: 'message', text: /Perfect!/ },
  ])

  t.match((await call<Session>(admin, 'GET', '/api/v1/sessions/s1')).body, { title: 'Change the configuration' })

  const second = await submit('Once more', { sessionId: 's1' })
  await until(({ type, payload }) => {
    const of = payload as { commandId?: string }
    return type === 'tool:start' && of.commandId === second.commandId ? of : undefined
  })
  await interrupt(second.commandId)
  t.match(await ended(second.commandId), { status: 'cancelled', confirmed: true })
  t.match(await bridge.kill('SIGTERM'), { code: 0 })
})
