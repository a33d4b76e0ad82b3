import { DashboardClient } from '@fleetwire/client/node'
import type { Agent, Command, Interaction } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { startForCli } from '../helpers/cli.ts'
import { fakeClaude } from '../helpers/fake-claude.ts'
import { until } from '../helpers/until.ts'

// Every hook is a process, and a busy machine starts processes slowly.
t.setTimeout(120_000)

const posix = process.platform === 'win32' ? { skip: 'agent wrap needs a Unix terminal' } : {}

/** A server, and a program that calls its hooks as Claude Code does, wrapped as the agent `claude`. */
async function wrapped(t: Test, hooks: string[] = []) {
  const server = await startForCli(t)
  const settings = await server.run(['hooks', 'claude-code', ...hooks])
  t.equal(settings.code, 0, settings.stderr)
  const folder = t.testdir({ 'claude.mjs': fakeClaude, 'settings.json': settings.stdout })
  const rest = async <T>(method: string, path: string, body?: object): Promise<T> =>
    (await server.call<T>(server.admin, method, `/api/v1${path}`, body)).body
  const wrap = server.start(
    ['agent', 'wrap', '--id', 'claude', '--cwd', folder, '--', process.execPath, 'claude.mjs', 'settings.json'],
    { ...(await server.as('agent', 'claude')), HOME: folder },
  )
  const agent = () => rest<Agent>('GET', '/agents/claude')
  await until(async () => (await agent()).link === 'online' && (await agent()).evidence === 'reported')
  return {
    ...server,
    wrap,
    agent,
    rest,
    send: (input: string) => rest<Command>('POST', '/agents/claude/commands', { kind: 'prompt', input }),
    command: (id: string) => rest<Command>('GET', `/commands/${id}`),
    ended: (id: string) =>
      until(async () => {
        const command = await rest<Command>('GET', `/commands/${id}`)
        return command.endedAt !== undefined && command
      }),
    asked: () => until(async () => (await rest<{ items: Interaction[] }>('GET', '/interactions?state=open')).items[0]),
    answer: (id: string, body: object) => rest<Interaction>('POST', `/interactions/${id}/respond`, body),
    /** Types at the terminal of the program, as a person would. */
    async types(keys: string): Promise<void> {
      const dashboard = new DashboardClient({ url: server.url, token: server.admin })
      t.teardown(() => dashboard.close())
      dashboard.connect()
      t.match(await dashboard.openTerminal({ agentId: 'claude' }).input(keys), { ok: true })
    },
    screen: () => rest<string>('GET', '/agents/claude/terminal?format=text'),
  }
}

t.test('a permission is requested in Fleetwire, and the answer is returned to the program', posix, async t => {
  const fleet = await wrapped(t)
  const { send, asked, answer, ended, command, agent, rest, screen, types, wrap } = fleet
  t.match(await agent(), { work: 'idle', evidence: 'reported', kind: 'wrap' })

  const { commandId } = await send('rm -rf build')
  const question = await asked()
  t.match(question, {
    agentId: 'claude',
    commandId,
    kind: 'permission',
    title: 'Bash: rm -rf build',
    description: 'As asked',
    subject: { type: 'command', preview: 'rm -rf build' },
    options: [{ id: 'allow' }, { id: 'always-1', scope: 'session' }, { id: 'deny' }],
  })
  t.match(await command(commandId), { status: 'running', phase: 'waiting_input' })
  t.match(await answer(question.interactionId, { optionId: 'always-1' }), { state: 'resolved' })
  t.match(await ended(commandId), { status: 'succeeded', output: 'I have answered: rm -rf build' })
  t.match(await screen(), /decided: allow \[\{"type":"addRules",.*"ruleContent":"rm -rf build"/s)

  const denied = await send('make')
  await answer((await asked()).interactionId, { optionId: 'deny', text: 'Use ninja.' })
  t.match(await ended(denied.commandId), { status: 'succeeded' })
  t.match(await screen(), /decided: deny Use ninja\./)

  const answeredThere = await send('ls')
  const { interactionId } = await asked()
  await types('answer here\r')
  t.match(await ended(answeredThere.commandId), { status: 'succeeded' })
  t.match(await screen(), /decided: own prompt/)

  const { items: questions } = await rest<{ items: Interaction[] }>('GET', '/interactions')
  t.match(
    questions.map(({ interactionId, delivery, resolution }) => ({ interactionId, delivery, resolution })).reverse(),
    [
      { interactionId: question.interactionId, delivery: 'applied', resolution: { optionId: 'always-1', via: 'rest' } },
      { delivery: 'applied', resolution: { optionId: 'deny' } },
      { interactionId, resolution: { via: 'agent', text: /in the program itself/ } },
    ],
  )
  const { items: sessions } = await rest<{ items: { sessionId: string; title: string }[] }>('GET', '/sessions')
  const session = sessions.find(({ title }) => title.startsWith('Claude Code in '))
  t.equal(session?.sessionId, '00893aaf-19fa-41d2-8238-13269b9b3ca0')
  const { items } = await rest<{ items: object[] }>('GET', `/sessions/${session?.sessionId}/messages`)
  t.match(items, [
    { role: 'user', text: 'rm -rf build', commandId },
    { name: 'Bash', args: { command: 'rm -rf build' }, result: { stdout: 'done' }, commandId },
    { role: 'assistant', text: 'I have answered: rm -rf build', commandId },
    { role: 'user', text: 'make' },
    { name: 'Bash', error: { code: 'abandoned' } },
    { role: 'assistant' },
    { role: 'user', text: 'ls' },
    { name: 'Bash', error: { code: 'abandoned' } },
    { role: 'assistant' },
  ])
  // The end of the command sets "idle" before the program reports it.
  await until(async () => {
    const { work, evidence } = await agent()
    return work === 'idle' && evidence === 'reported'
  })

  await send('ls')
  const last = await asked()
  await wrap.kill('SIGTERM')
  t.match(await until(async () => (await agent()).link === 'offline' && agent()), { openInteractions: 0 })
  const { items: after } = await rest<{ items: Interaction[] }>('GET', '/interactions')
  t.match(
    after.find(({ interactionId }) => interactionId === last.interactionId),
    { state: /resolved|cancelled/ },
  )
})

t.test('without an answer the program asks at its own prompt; a gate asks before each call', posix, async t => {
  const { send, ended, rest, screen, asked, answer } = await wrapped(t, ['--timeout', '2s', '--gate', 'Edit'])
  const unanswered = await send('ls')
  const { interactionId } = await asked()
  t.match(await ended(unanswered.commandId), { status: 'succeeded' })
  t.match(await screen(), /before: none\s.*decided: own prompt/s)
  t.match(await rest('GET', '/interactions?state=expired'), {
    items: [{ interactionId, resolution: { via: 'timeout' } }],
  })

  const gated = await send('edit one')
  const { interactionId: asks } = await asked()
  await answer(asks, { optionId: 'allow' })
  t.match(await ended(gated.commandId), { status: 'succeeded' })
  t.match(await screen(), /before: allow\s/)
})
