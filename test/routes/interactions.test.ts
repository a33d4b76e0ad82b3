import { AgentClient, DashboardClient } from '@fleetwire/client/node'
import { type Command, type Interaction, isFinal } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { until } from '../helpers/until.ts'

const options = [
  { id: 'yes', label: 'Yes', effect: 'allow' as const },
  { id: 'no', label: 'No', effect: 'deny' as const },
]
const subject = { type: 'command', preview: 'rm -rf build', digest: 'sha-1' }

/** A server with an agent whose `ask` commands end with the answer that they got. */
async function start(t: Test) {
  const server = await startApp(t)
  const operator = await server.token('operator')
  const api = <T = Interaction>(method: string, path: string, body?: unknown, token = operator) =>
    server.call<T>(token, method, `/api/v1${path}`, body)
  const agent: AgentClient = new AgentClient({
    url: server.url,
    token: await server.token('agent', { sub: 'a1' }),
    maxConcurrency: 10,
    handlers: {
      ask: async run => {
        const interactionId = `int_${run.commandId}`
        const { title = 'May I?' } = run.input as { title?: string }
        const question = {
          interactionId,
          commandId: run.commandId,
          kind: 'permission' as const,
          title,
          subject,
          options,
        }
        const answer = await agent.ask(question, { signal: run.signal })
        agent.report('interaction:applied', { interactionId })
        return { status: 'succeeded', output: { ...answer } }
      },
    },
  })
  t.teardown(() => agent.stop({ graceMs: 0 }))
  const online = new Promise<void>(resolve => {
    agent.status.subscribe(({ state }) => state === 'online' && resolve())
  })
  await agent.start()
  await online
  /** Submits a command that asks; resolves once its question is open. */
  async function ask(title?: string): Promise<{ command: Command; interactionId: string }> {
    const { body } = await api<Command>('POST', '/agents/a1/commands', { kind: 'ask', input: { title } })
    const interactionId = `int_${body.commandId}`
    await new Promise<void>(resolve => {
      const look = async () => {
        if ((await api('GET', `/interactions/${interactionId}`)).status !== 200) return
        unfollow()
        resolve()
      }
      const unfollow = server.log.follow(() => void look())
      void look()
    })
    return { command: body, interactionId }
  }
  const ended = (commandId: string) =>
    until(async () => {
      const { body } = await api<Command>('GET', `/commands/${commandId}`)
      return isFinal(body.status) && body
    })
  return { ...server, operator, api, ask, ended }
}

test('the attention queue lists a question, and its answer reaches the agent', async t => {
  const { api, ask, ended } = await start(t)
  const { command, interactionId } = await ask('Delete the build?')
  const { body } = await api<{ items: Interaction[] }>('GET', '/interactions?state=open')
  t.match(body.items, [{ interactionId, title: 'Delete the build?', risk: 'unknown', state: 'open', agentId: 'a1' }])
  const answered = await api('POST', `/interactions/${interactionId}/respond`, { optionId: 'yes', digest: 'sha-1' })
  t.match(answered, { status: 200, body: { state: 'resolved', resolution: { by: 'operator', via: 'rest' } } })
  t.match(await ended(command.commandId), { status: 'succeeded', output: { optionId: 'yes', digest: 'sha-1' } })
  t.same((await api<{ items: Interaction[] }>('GET', '/interactions?state=open')).body.items, [])
})

test('[IN1] [IN7] [IN8] an invalid answer is refused with the reason', async t => {
  const { api, ask } = await start(t)
  const { interactionId } = await ask()
  const respond = (body: object) => api(`POST`, `/interactions/${interactionId}/respond`, body)
  t.match(await respond({ optionId: 'maybe' }), { status: 400, body: { message: /choose one of yes, no/ } })
  t.match(await respond({}), { status: 400, body: { code: 'invalid_request' } })
  t.match(await respond({ optionId: 'yes', digest: 'sha-0' }), { status: 409, body: { code: 'stale' } })
  t.equal((await respond({ optionId: 'no' })).status, 200)
  t.equal((await respond({ optionId: 'no' })).status, 200)
  t.match(await respond({ optionId: 'yes' }), {
    status: 409,
    body: { code: 'conflict', details: { winner: { optionId: 'no', by: 'operator' } } },
  })
  t.match(await api('POST', '/interactions/none/respond', { optionId: 'yes' }), { status: 404 })
  t.match(await api('GET', '/interactions?state=shut'), { status: 400, body: { message: /not one of open/ } })
})

test('[IN14] several questions are answered in one request, each checked separately', async t => {
  const { api, ask, ended } = await start(t)
  const [first, second] = [await ask(), await ask()]
  const { status, body } = await api('POST', '/interactions/respond', {
    ...{ interactionIds: [first.interactionId, 'none', second.interactionId], optionId: 'yes' },
  })
  t.equal(status, 200)
  t.match(body, { results: [{ ok: true }, { ok: false, error: { code: 'not_found' } }, { ok: true }] })
  for (const { command } of [first, second]) t.match(await ended(command.commandId), { output: { optionId: 'yes' } })
})

test('[PM1] a token without the scope interact cannot answer, and sees only what it may', async t => {
  const { api, ask, token, url } = await start(t)
  const { interactionId } = await ask()
  const viewer = await token('viewer')
  t.equal((await api('POST', `/interactions/${interactionId}/respond`, { optionId: 'yes' }, viewer)).status, 403)
  t.equal((await api('GET', `/interactions/${interactionId}`, undefined, viewer)).status, 200)
  const other = await token('operator', { agents: ['b*'] })
  t.equal((await api('GET', `/interactions/${interactionId}`, undefined, other)).status, 404)
  t.equal((await api('POST', `/interactions/${interactionId}/respond`, { optionId: 'yes' }, other)).status, 404)
  t.same((await api<{ items: Interaction[] }>('GET', '/interactions', undefined, other)).body.items, [])

  const respond = (as: string) => {
    const client = new DashboardClient({ url, token: as })
    t.teardown(() => client.close())
    client.connect()
    return client.respond({ interactionId, optionId: 'yes' })
  }
  t.match(await respond(viewer), { ok: false, error: { code: 'forbidden' } })
  t.match(await respond(other), { ok: false, error: { code: 'not_found' } })
})

test('[IN11] an interrupt cancels the questions of its command', async t => {
  const { api, ask, ended, log } = await start(t)
  const { command, interactionId } = await ask()
  const cancelled = new Promise<unknown>(resolve => {
    const unfollow = log.follow(events => {
      const event = events.find(({ type }) => type === 'interaction:cancelled')
      if (event !== undefined) resolve(event.payload)
    })
    t.teardown(unfollow)
  })
  t.equal((await api('POST', `/commands/${command.commandId}/interrupt`, {})).status, 200)
  t.match(await ended(command.commandId), { status: 'cancelled', confirmed: true })
  t.match(await cancelled, { interactionId, state: 'cancelled' })
  t.match(await api('POST', `/interactions/${interactionId}/respond`, { optionId: 'yes' }), {
    status: 409,
    body: { code: 'conflict', details: { state: 'cancelled' } },
  })
})

test('[IN1] over a socket, the first answer wins and everybody sees it', async t => {
  const { ask, url, token } = await start(t)
  const sights: Promise<Interaction>[] = []
  const people = await Promise.all(
    ['ann', 'bob'].map(async sub => {
      const client = new DashboardClient({ url, token: await token('operator', { sub }) })
      t.teardown(() => client.close())
      const live = new Promise<void>(resolve => {
        const resolved = new Promise<Interaction>(seen => {
          client.subscribe('agents.*.interactions.*', {
            snapshot: () => resolve(),
            event: event => event.type === 'interaction:resolved' && seen(event.payload),
          })
        })
        sights.push(resolved)
      })
      client.connect()
      await live
      return client
    }),
  )
  const { interactionId } = await ask()
  const answers = await Promise.all(
    people.map((client, i) => client.respond({ interactionId, optionId: i === 0 ? 'yes' : 'no' })),
  )
  t.same(answers.map(answer => answer.ok).sort(), [false, true])
  t.match(
    answers.find(answer => !answer.ok),
    { error: { code: 'conflict', details: { winner: { via: 'ws' } } } },
  )
  const seen = await Promise.all(sights)
  t.ok(seen[0]?.resolution)
  t.same(seen[0]?.resolution, seen[1]?.resolution)
})
