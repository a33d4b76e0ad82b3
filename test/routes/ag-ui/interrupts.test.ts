import * as modern from '@ag-ui/client'
import type { CommandRun } from '@fleetwire/client/node'
import * as old from 'ag-ui-client-0'
import t, { type Test } from 'tap'
import { bodyOf, openRun, promptAgent } from '../../helpers/ag-ui.ts'
import { connectAgent } from '../../helpers/bare-agent.ts'
import { startApp } from '../../helpers/build.ts'
import { until } from '../../helpers/until.ts'

const options = [
  { id: 'once', label: 'Allow once', effect: 'allow' as const, scope: 'once' as const },
  { id: 'always', label: 'Always', effect: 'allow' as const, scope: 'always' as const },
  { id: 'no', label: 'No', effect: 'deny' as const, scope: 'once' as const },
]

/** An agent that asks what its input names and then reports the answers. */
async function start(t: Test) {
  const server = await startApp(t)
  const agent = await promptAgent(t, server, 'a', {
    async prompt(run: CommandRun) {
      const say = run.message({ messageId: `m-${run.input}` })
      say.append('before ')
      const call = run.tool('delete', { path: '/tmp/x' }, { toolCallId: `t-${run.input}` })
      const ask = (interactionId: string, kind: 'permission' | 'question' | 'form' = 'permission') =>
        agent.ask(
          {
            ...{ interactionId, kind, title: `${kind}?`, commandId: run.commandId },
            options: kind === 'permission' ? options : [],
            ...(kind === 'form' && { schema: { type: 'object', properties: { name: { type: 'string' } } } }),
          },
          run,
        )
      const answers =
        run.input === 'two'
          ? await Promise.all([ask('int-1'), ask('int-2')])
          : run.input === 'twice'
            ? [await ask('int-3'), await ask('int-4')]
            : [
                await ask(
                  `int-${run.input}`,
                  run.input === 'form' ? 'form' : run.input === 'question' ? 'question' : 'permission',
                ),
              ]
      call.end(answers.map(({ optionId, text, answers }) => optionId ?? text ?? answers))
      say.append('after')
      return { status: run.signal.aborted ? 'cancelled' : 'succeeded' }
    },
  })
  const token = await server.token('operator', { sub: 'ann' })
  const url = `${server.url}/ag-ui/agents/a`
  const http = (library: typeof modern, content: string) =>
    new library.HttpAgent({
      ...{ url, threadId: content, headers: { authorization: `Bearer ${token}` } },
      initialMessages: [{ id: `u-${content}`, role: 'user', content }],
    })
  const post = (fields: object) => openRun(t, url, { token, body: bodyOf(fields) })
  const said = (content: string) => ({ threadId: content, messages: [{ id: 'u', role: 'user', content }] })
  return { ...server, operator: token, url, http, post, said }
}

/** The outcome of a client's run. */
async function outcomeOf(agent: modern.HttpAgent, parameters: Parameters<modern.HttpAgent['runAgent']>[0] = {}) {
  let outcome: { type: string; interrupts?: modern.Interrupt[] } | undefined
  let error: string | undefined
  await agent.runAgent(parameters, {
    onRunFinishedEvent: ({ event }) => {
      outcome = event.outcome
    },
    onRunErrorEvent: ({ event }) => {
      error = event.code ?? event.message
    },
  })
  return { outcome, error }
}

for (const [name, library] of [
  ['1.0', modern],
  ['0.0.59', old as unknown as typeof modern],
] as const) {
  t.test(`[UI10] a question ends the run, and an answer from a client of ${name} continues it`, async t => {
    const { http, operator, call } = await start(t)
    const agent = http(library, 'ask')
    const first = await outcomeOf(agent)
    t.match(first.outcome, {
      type: 'interrupt',
      interrupts: [
        {
          ...{ id: 'int-ask', reason: 'confirmation', message: 'permission?' },
          responseSchema: { required: ['optionId'] },
          metadata: { kind: 'permission', options },
        },
      ],
    })
    t.match(agent.messages, [{ id: 'u-ask' }, { id: 'm-ask', content: 'before ', toolCalls: [{ id: 't-ask' }] }])
    const resume = [{ interruptId: 'int-ask', status: 'resolved' as const, payload: { optionId: 'always' } }]
    const second = await outcomeOf(agent, { resume })
    t.equal(second.error, undefined)
    t.match(agent.messages, [
      { id: 'u-ask', content: 'ask' },
      {
        id: 'm-ask',
        content: 'before after',
        toolCalls: [{ id: 't-ask', function: { arguments: '{"path":"/tmp/x"}' } }],
      },
      { role: 'tool', toolCallId: 't-ask', content: '["always"]' },
    ])
    t.equal(agent.messages.length, 3, 'no duplicates')
    const { body } = await call<{ resolution: object }>(operator, 'GET', '/api/v1/interactions/int-ask')
    t.match(body.resolution, { optionId: 'always', by: 'ann', via: 'rest' })
  })
}

t.test('[UI10] successive questions each end a run, and questions can be answered together', async t => {
  const { http, call, operator } = await start(t)
  const both = http(modern, 'two')
  const { outcome } = await outcomeOf(both)
  t.equal(outcome!.interrupts![0]!.id, 'int-1')
  // The second question may arrive after the first has already ended the run.
  await until(async () => (await call(operator, 'GET', '/api/v1/interactions/int-2')).status === 200)
  const answers = ['int-1', 'int-2'].map(interruptId => ({ interruptId, status: 'resolved' as const, payload: true }))
  t.equal((await outcomeOf(both, { resume: answers })).outcome?.type, 'success')
  t.match(both.messages.at(-1), { content: '["once","once"]' })
  const twice = http(modern, 'twice')
  for (const interruptId of ['int-3', 'int-4']) {
    t.match(await outcomeOf(twice, interruptId === 'int-3' ? {} : { resume: answer('int-3') }), {
      outcome: { interrupts: [{ id: interruptId }] },
    })
  }
  t.match(await outcomeOf(twice, { resume: answer('int-4') }), { outcome: { type: 'success' } })
  t.match(
    twice.messages.find(({ id }) => id === 'm-twice'),
    { content: 'before after' },
  )
})

const answer = (interruptId: string, payload: unknown = 'yes') => [
  { interruptId, status: 'resolved' as const, payload },
]

t.test(
  '[UI10] [UI11] which responses answer a question, which do not, and what cancelling a question does',
  async t => {
    const { post, said, operator, call, url } = await start(t)
    const ask = async (content: string) => {
      const run = await post({ ...said(content), runId: `ask-${content}` })
      t.match((await run.all()).at(-1), { outcome: { type: 'interrupt' } })
    }
    const refusal = async (fields: object) => {
      const { status, body } = await call<{ message: string }>(operator, 'POST', '/ag-ui/agents/a', bodyOf(fields))
      return { status, message: body.message }
    }
    const resume = async (content: string, entries: object[], n = 1) =>
      (await post({ ...said(content), runId: `resume-${content}-${n}`, resume: entries })).all()

    await ask('question')
    t.match(await refusal({ ...said('question'), runId: 'other' }), {
      status: 409,
      message: /waits for an answer.*int-question/,
    })
    t.match((await resume('question', answer('int-question', 'because'))).at(-1), { type: 'RUN_FINISHED' })
    t.match(
      await (await call<{ resolution: object }>(operator, 'GET', '/api/v1/interactions/int-question')).body.resolution,
      { text: 'because' },
    )

    await ask('form')
    const filled = await resume('form', answer('int-form', { name: 'Ann' }))
    t.match(
      filled.find(({ type }) => type === 'TOOL_CALL_RESULT'),
      { content: '[{"name":"Ann"}]' },
    )

    await ask('permission')
    for (const payload of [{ optionId: 'what' }, { text: 'well' }, 'perhaps', 7])
      t.match(await refusal({ ...said('permission'), runId: 'bad', resume: answer('int-permission', payload) }), {
        status: 400,
        message: /once, always, no/,
      })
    const unsure = await refusal({ ...said('permission'), runId: 'bad', resume: answer('int-unknown') })
    t.equal(unsure.status, 409, 'an unknown id is no answer')
    const declined = await resume('permission', [{ interruptId: 'int-permission', status: 'cancelled' }])
    t.match(
      declined.find(({ type }) => type === 'TOOL_CALL_RESULT'),
      { content: '["no"]' },
      'the option that declines',
    )

    const elsewhere = (id: string, optionId: string) =>
      call(operator, 'POST', `/api/v1/interactions/${id}/respond`, { optionId })
    await ask('away')
    await elsewhere('int-away', 'always')
    const late = await openRun(t, url, {
      token: operator,
      body: bodyOf({ ...said('away'), runId: 'late', resume: answer('int-away', 'no') }),
    })
    const events = await late.all()
    t.match(
      events.find(({ type }) => type === 'TOOL_CALL_RESULT'),
      { content: '["always"]' },
      'what happened in between',
    )
    t.match(events.at(-1), { type: 'RUN_FINISHED', outcome: { type: 'success' } })
    const again = await openRun(t, `${url}/runs/late/events`, { token: operator, lastEventId: late.frames[1]!.id! })
    t.same(await again.all(), events.slice(2), 'continued runs have their own frame numbers')
  },
)

t.test(
  '[UI10] [UI11] several questions of one outcome are answered together, and the first answer to each counts',
  async t => {
    const server = await startApp(t)
    const agent = await connectAgent(t, server, 'bare')
    const token = await server.token('operator')
    const url = `${server.url}/ag-ui/agents/bare`
    const run = await openRun(t, url, { token, body: bodyOf() })
    const { commandId, attempt } = (await agent.next('command:dispatch')).payload
    // Asked before the run starts, so that it waits for both at once.
    for (const interactionId of ['q1', 'q2'])
      agent.say('interaction:request', { interactionId, commandId, kind: 'permission', title: '?', options })
    agent.say('command:ack', { commandId, attempt })
    const { outcome } = (await run.all()).at(-1)!
    t.match(outcome, { type: 'interrupt', interrupts: [{ id: 'q1' }, { id: 'q2' }] })
    const resume = (...ids: string[]) => bodyOf({ runId: `r-${ids}`, resume: ids.flatMap(id => answer(id)) })
    const half = await server.call<{ message: string }>(token, 'POST', '/ag-ui/agents/bare', resume('q1'))
    t.match(half, { status: 400, body: { message: /q2 is missing/, details: { missing: ['q2'] } } })
    await server.call(token, 'POST', '/api/v1/interactions/q1/respond', { optionId: 'no' })
    const second = await openRun(t, url, { token, body: resume('q1', 'q2') })
    for (const optionId of ['no', 'once']) t.match((await agent.next('interaction:answer')).payload, { optionId })
    agent.say('command:result', { commandId, attempt, status: 'succeeded' })
    t.match((await second.all()).at(-1), { type: 'RUN_FINISHED', outcome: { type: 'success' } })
  },
)

t.test('[UI10] cancelling a question that has no option to decline stops the run', async t => {
  const { post, said } = await start(t)
  await (await post({ ...said('question'), runId: '1' })).all()
  const run = await post({
    ...said('question'),
    runId: '2',
    resume: [{ interruptId: 'int-question', status: 'cancelled' }],
  })
  t.match((await run.all()).at(-1), { type: 'RUN_FINISHED', outcome: { type: 'cancelled' } })
})

t.test('[UI10] answering requires the scope for it', async t => {
  const { post, said, token, call } = await start(t)
  await (await post({ ...said('ask'), runId: '1' })).all()
  const lacking = await token('operator', { scopes: ['read', 'command'] })
  const body = bodyOf({ ...said('ask'), runId: '2', resume: answer('int-ask') })
  t.equal((await call(lacking, 'POST', '/ag-ui/agents/a', body)).status, 403)
})
