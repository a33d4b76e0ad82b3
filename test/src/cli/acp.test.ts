import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Agent, Interaction, Session, Task } from '@fleetwire/protocol'
import { test } from 'tap'
import { realFolder, startAcp } from '../../helpers/acp.ts'

test('thoughts, plans, modes, usage, titles and all other output of the program are shown', async t => {
  const { agent, prompt, transcript, until, call, admin, submit, ended } = await startAcp(t)
  const bridge = await agent(undefined, ['--mode', 'code'])
  const plan = (...status: string[]) =>
    `plan ${JSON.stringify(status.map((status, i) => ({ content: `step ${i}`, priority: 'high', status })))}`
  const update = (value: object) => `update ${JSON.stringify(value)}`
  const lines = [
    'think hm,',
    'think  well',
    'print this is no message',
    'complain about \u001b]0;title\u0007 everything',
    'say Hel',
    'say lo',
    plan('in_progress', 'pending'),
    plan('completed', 'in_progress'),
    update({ sessionUpdate: 'usage_update', used: 5, size: 100, cost: { amount: 0.25, currency: 'USD' } }),
    update({ sessionUpdate: 'session_info_update', title: 'A talk' }),
    update({ sessionUpdate: 'available_commands_update', availableCommands: [{ name: 'web', description: 'Search' }] }),
    update({ sessionUpdate: 'no_such_update', text: 'x' }),
    update({ sessionUpdate: 'tool_call', toolCallId: 'x', title: 5 }),
    'call _example.com/ask',
    'say over',
  ]
  t.match(await prompt(lines.join('\n'), { sessionId: 's1' }), { status: 'succeeded', output: /^Hello-32601 .*over$/ })
  t.match(await transcript('s1'), [
    { role: 'reasoning', text: 'hm, well' },
    { role: 'assistant', text: /^Hello-32601 .*over$/ },
  ])
  t.match((await call<Session>(admin, 'GET', '/api/v1/sessions/s1')).body, { title: 'A talk' })
  const tasks = await call<{ items: Task[] }>(admin, 'GET', '/api/v1/tasks')
  const shown = tasks.body.items.map(({ title, status, agentId, labels }) => ({ title, status, agentId, labels }))
  const of = { agentId: 'a1', labels: { session: 's1', priority: 'high' } }
  t.same(
    shown.sort((a, b) => (a.title < b.title ? -1 : 1)),
    [
      { title: 'step 0', status: 'completed', ...of },
      { title: 'step 1', status: 'paused', ...of },
    ],
    'the turn is over, so nobody works on it',
  )
  const usage = await until(({ type, payload }) =>
    type === 'usage:reported' && 'inputTokens' in (payload as object) ? payload : undefined,
  )
  t.match(usage, { source: 'test-agent', inputTokens: 10, outputTokens: 2 })
  const cost = await until(({ type, payload }) =>
    type === 'usage:reported' && (payload as { costUsd?: number }).costUsd === 0.25 ? payload : undefined,
  )
  t.match(cost, { mode: 'cumulative' })
  const patches = await until(({ type, payload }) =>
    type === 'state:patch' && JSON.stringify(payload).includes('"/mode"') ? payload : undefined,
  )
  t.match(patches, { sessionId: 's1' })
  t.match(bridge.output(), /node: this is no message/)
  t.match(bridge.output(), /about {2}everything/, 'without the control sequence')
  t.match(bridge.output(), /unknown kind was skipped: no_such_update/)

  const mode = await submit('ask', { kind: 'mode', sessionId: 's1' })
  t.match(await ended(mode.commandId), { status: 'succeeded' })
  const none = await submit('fly', { kind: 'mode', sessionId: 's1' })
  t.match(await ended(none.commandId), { status: 'failed', error: { message: /no mode fly/ } })
  t.match(await prompt({ no: 'prompt' }), { status: 'failed', error: { code: 'invalid_input' } })
  t.match(await prompt([{ type: 'image', data: 'AAAA', mimeType: 'image/png' }]), {
    error: { message: /does not accept content of the type "image"/ },
  })
  t.match(await prompt('fail no tokens left'), {
    status: 'failed',
    error: { code: 'auth_required', message: /no tokens left/ },
  })
})

test('questions work with every kind of answer and with forms, and are cancelled with their turn', async t => {
  const { agent, submit, asked, answer, ended, prompt, interrupt, until } = await startAcp(t)
  await agent(undefined, ['--ask-timeout', '2m'])
  const first = await submit('ask May I write?')
  const question = await asked(first.commandId)
  t.match(question, {
    ...{ title: 'May I write?', defaultOnTimeout: 'deny', expiresAt: Number },
    subject: { type: 'diff', preview: '--- /w/a.txt\n+++ /w/a.txt\n@@ -1,1 +1,1 @@\n-one\n+two' },
    options: [{ id: 'allow_once' }, { id: 'option_2', effect: 'allow', scope: 'always' }, { id: 'no', effect: 'deny' }],
  })
  await until(({ type, payload }) => (type === 'agent:status' && (payload as Agent).work === 'waiting') || undefined)
  await answer(question.interactionId, { optionId: 'option_2' })
  t.match(await ended(first.commandId), { status: 'succeeded', output: 'chosen: not an id!' })

  const form = await submit('form Who are you?')
  const fields = await asked(form.commandId)
  t.match(fields, { kind: 'form', title: 'Who are you?', schema: { properties: { name: { type: 'string' } } } })
  await answer(fields.interactionId, { optionId: 'submit', answers: { name: 'Ann' } })
  t.match(await ended(form.commandId), { output: '{"action":"accept","content":{"name":"Ann"}}' })

  const third = await submit('ask Still there?')
  const open = await asked(third.commandId)
  await interrupt(third.commandId)
  t.match(await ended(third.commandId), { status: 'cancelled', confirmed: true })
  // Events caused by the end of its command follow it.
  await until(({ payload }) => {
    const { interactionId, state } = payload as Interaction
    return interactionId === open.interactionId && state === 'cancelled' ? true : undefined
  })
  t.match(await prompt('say on'), { status: 'succeeded', output: 'on' })
})

test('files and commands inside the root are allowed, and nothing else', async t => {
  const { agent, prompt, root, submit, ended, interrupt, until } = await startAcp(t)
  const outside = await realFolder(t)
  await writeFile(join(outside, 'secret'), 'the secret')
  await symlink(outside, join(root, 'way-out'))
  await writeFile(join(root, 'a.txt'), 'inside')
  const bridge = await agent()
  const said = async (...lines: string[]) => (await prompt(lines.join('\n'))).output as string
  t.equal(await said(`read ${root}/a.txt`), 'read: inside')
  t.equal(await said(`write ${root}/new/b.txt more text`), 'written')
  t.equal(await readFile(join(root, 'new/b.txt'), 'utf8'), 'more text')
  for (const path of [`${outside}/secret`, `${root}/way-out/secret`, `${root}/../${outside.split('/').at(-1)}/secret`])
    t.match(await said(`read ${path}`), /refused: .*is outside /, path)
  t.match(await said(`write ${root}/way-out/new x`), /is outside /)
  t.match(await said('read a.txt'), /is not absolute/)
  t.match(await said(`read ${root}/none`), /does not exist/)

  t.match(
    await said('run echo one; echo two >&2; pwd; exit 3'),
    `{"exitCode":3,"signal":null} one\ntwo\n${root}\n`.trim(),
  )
  t.match(await said('run env'), /HOME=/)
  t.notMatch(await said('run env'), /FLEETWIRE_TOKEN/, 'the token is not for commands')
  t.match(await said('run no-such-program'), /There is no program "no-such-program"/)

  const waits = await submit('start sleep 4711\nwait')
  const terminalId = await until(({ type, payload }) => {
    const { commandId, delta } = payload as { commandId?: string; delta?: string }
    return type === 'message:delta' && commandId === waits.commandId && delta?.startsWith('term_') ? delta : undefined
  })
  t.match(terminalId, /^term_/)
  await interrupt(waits.commandId)
  t.match(await ended(waits.commandId), { status: 'cancelled' })
  const sleeper = (await said(`run pgrep -f 'sleep 4711' -P ${process.pid}`)).match(/(\d+)\n?$/)?.[1]
  t.ok(sleeper, 'a command left running survives the turn')
  await bridge.kill('SIGTERM')
  t.throws(() => process.kill(Number(sleeper), 0), { code: 'ESRCH' }, 'and ends with the session')
})
