import { DashboardClient } from '@fleetwire/client/node'
import type { Agent, Command } from '@fleetwire/protocol'
import t from 'tap'
import { startForCli } from '../../helpers/cli.ts'
import { until } from '../../helpers/until.ts'

// In parallel: each mostly waits for its program.
t.jobs = 5
t.teardown(() => {
  t.jobs = 1
})
const server = await startForCli(t)

/** An agent without a local terminal, around a shell script. */
async function start(id: string, script: string, options: string[] = []) {
  const env = { FLEETWIRE_TOKEN: await server.token('agent', { sub: id }) }
  const wrap = server.startHere(['agent', 'wrap', '--id', id, ...options, '--', 'sh', '-c', script], env)
  await wrap.printed(/is connected to/)
  const get = async <T>(path: string) => (await server.call<T>(server.admin, 'GET', `/api/v1/agents/${id}${path}`)).body
  return {
    ...server,
    wrap,
    agent: () => get<Agent>(''),
    /** As text; empty until there is a terminal. */
    async screen() {
      const body = await get<unknown>('/terminal')
      return typeof body === 'string' ? body : ''
    },
    async prompt(input: unknown, query = '?wait=25', kind = 'prompt') {
      const path = `/api/v1/agents/${id}/commands${query}`
      return (await server.call<Command>(server.admin, 'POST', path, { kind, input })).body
    },
    async command(commandId: string) {
      return (await server.call<Command>(server.admin, 'GET', `/api/v1/commands/${commandId}`)).body
    },
  }
}

/** Answers each line with its length, after working for a while. */
const COUNTER = 'while printf "? "; read -r line; do sleep 0.5; printf %s "$line" | wc -c; done'
/** Echoes what is typed, key by key. */
const MIRROR = 'stty raw -echo; printf "$0ready\\r\\n"; exec cat -v'

t.test('a prompt is typed into the program, and what appears is its output', async t => {
  const { prompt, agent, screen, wrap, run } = await start('counter', COUNTER)
  t.match(await prompt('hello'), { status: 'succeeded', output: '5' })
  // A report of the agent counts until a command ends; then the agent guesses again.
  await until(async () => (await agent()).evidence === 'guessed')
  t.match(await agent(), { kind: 'wrap', work: 'idle', capabilities: { kinds: ['prompt'] }, labels: { program: 'sh' } })
  t.match(
    await Promise.all([prompt('four'), run(['send', 'counter', '--wait', 'to the prompt'])]),
    [{ output: '4' }, { code: 0, stdout: '13\n' }],
    'one after the other',
  )
  t.match(await screen(), /\? hello\n5\n\? /)
  for (const input of ['', 5, null, ['x']])
    t.match(await prompt(input), { status: 'failed', error: { code: 'invalid_input' } }, JSON.stringify(input))
  t.match(await prompt('ls', '?wait=25', 'shell'), {
    status: 'rejected',
    reason: 'unsupported',
    error: 'This agent accepts commands of kind "prompt", not "shell".',
  })
  t.match(await wrap.kill('SIGTERM'), { code: 143 })
  // It has ended before its record shows it.
  await until(async () => (await agent()).link === 'offline')
  t.match(await agent(), { work: 'stopped' })
})

t.test('multi-line text is pasted, in brackets if the program asks for them, and never as keys', async t => {
  const plain = await start('plain', MIRROR)
  const bracketed = await start('bracketed', MIRROR.replace('$0', '\\033[?2004h'))
  const [one, two] = await Promise.all([plain.prompt('one\ntwo \x1b[31m\x03end\n'), bracketed.prompt('one\ntwo')])
  t.match(one, { status: 'succeeded', output: /one\^Mtwo/ })
  // cat -v shows the pictures that replace control characters as bytes, and a real key in caret notation.
  t.notMatch(await plain.screen(), /(?<!M-)\^[[C]/)
  t.match(two, { status: 'succeeded' })
  t.match(await bracketed.screen(), /\^\[\[200~one\^Mtwo\^\[\[201~\^M/)
})

t.test('an interrupt presses Ctrl-C, and the program keeps running', async t => {
  const work =
    'trap "n=0; echo caught" INT; while read -r line; do n=100; while [ $n -gt 0 ]; do n=$((n-1)); echo tick; sleep 0.1; done; echo done; done'
  const { prompt, command, screen, call, admin, agent } = await start('worker', work)
  const { commandId } = await prompt('go', '')
  await until(async () => (await screen()).includes('tick'))
  await call(admin, 'POST', `/api/v1/commands/${commandId}/interrupt`, {})
  const ended = await until(async () => {
    const now = await command(commandId)
    return now.status === 'cancelled' && now
  })
  t.match(ended, { confirmed: true, output: /tick[\s\S]*caught[\s\S]*done/ })
  t.match(await agent(), { link: 'online' })
})

t.test('the end of the program ends the agent and the running command', async t => {
  const { prompt, wrap, command, agent, run } = await start('ending', 'read -r line; echo "bye $line"; exit "$line"')
  const { commandId } = await prompt('3', '')
  t.match(await wrap.ended, { code: 3 })
  t.match(await command(commandId), {
    status: 'failed',
    exitCode: 3,
    output: 'bye 3',
    error: 'sh ended with exit code 3',
  })
  await until(async () => (await agent()).link === 'offline')
  t.match(await agent(), { work: 'stopped' })
  const killed = await start('crashing', 'kill -SEGV $$')
  t.match(await killed.wrap.ended, { code: 139 })
  t.match(await run(['agent', 'wrap', '--id', 'crashing', '--', 'no-such-program']), { code: 127 })
})

t.test(
  'without a local terminal, the viewer that holds the size sets it, and the agent answers the program’s queries',
  async t => {
    const script =
      'trap "stty size" WINCH; stty size; stty raw -echo min 1 time 50; printf "\\033[6n"; answer=$(dd bs=1 count=6 2>/dev/null); ' +
      'stty min 0 time 5; more=$(dd bs=1 count=8 2>/dev/null); stty sane; printf "[%s][%s]" "$answer" "$more" | tr "\\033" E; while :; do sleep 0.05; done'
    const { url, admin, screen } = await start('size', script, ['--size', '100x20'])
    const dashboard = new DashboardClient({ url, token: admin })
    t.teardown(() => dashboard.close())
    let opened = false
    const view = dashboard.openTerminal({ agentId: 'size', answers: true, onSnapshot: () => (opened = true) })
    dashboard.connect()
    await until(() => opened)
    await until(async () => (await screen()).includes(']['))
    t.match(await screen(), /^20 100\n\[E\[2;1R\]\[\]/, 'answered once')
    t.same(await view.resize(60, 15), { ok: true })
    await until(async () => (await screen()).includes('15 60'))
    t.match(await screen(), '15 60')
  },
)
