import { AgentClient, DashboardClient } from '@fleetwire/client/node'
import type { Agent, Command, TerminalSnapshot } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { createShellRunner } from '../../src/exec/shell-runner.ts'
import { startApp } from '../helpers/build.ts'
import { ReferenceScreen } from '../helpers/reference-screen.ts'
import { size } from '../helpers/sizes.ts'

/** More than the 8 MiB of a terminal that an agent keeps. */
const LONG_BYTES = size('TERMINAL_BYTES', { quick: 9 * 1024 * 1024, full: 12 * 1024 * 1024 })

const server = await startApp(t, { config: { FRAME_RATE: 10_000, FRAME_BURST: 10_000 } })
let agents = 0

/** A separate agent that runs shell commands, and a dashboard, each behind real sockets. */
async function start(t: Test) {
  const agentId = `a${++agents}`
  const agent: AgentClient = new AgentClient({
    url: server.url,
    token: await server.token('agent', { sub: agentId }),
    handlers: {
      shell: createShellRunner({
        env: { PATH: process.env.PATH },
        cwd: t.testdir({}),
        openTerminal: options => agent.openTerminal(options),
      }),
    },
  })
  t.teardown(() => agent.stop({ graceMs: 1000 }))
  const dashboard = new DashboardClient({ url: server.url, token: await server.token('operator') })
  t.teardown(() => dashboard.close())
  const online = new Promise<void>(resolve => {
    agent.status.subscribe(({ state }) => state === 'online' && resolve())
  })
  await agent.start()
  dashboard.connect()
  await online
  const operator = await server.token('operator', { sub: 'op2' })
  const submit = async (input: string, query = '') => {
    const path = `/api/v1/agents/${agentId}/commands${query}`
    return (await server.call<Command>(operator, 'POST', path, { kind: 'shell', input })).body
  }
  return { ...server, agentId, dashboard, operator, submit }
}

t.test('a command typed on one side is shown on the other, byte by byte, including its end', async t => {
  const { agentId, dashboard, submit, call, operator } = await start(t)
  const warm = await submit('echo one', '?wait=20')
  t.match(warm, { status: 'succeeded', output: 'one\n', exitCode: 0 })

  const received: Uint8Array[] = []
  let ended = () => {}
  const exited = new Promise<void>(resolve => {
    ended = resolve
  })
  let asked = () => {}
  const question = new Promise<void>(resolve => {
    asked = resolve
  })
  let snapshots: TerminalSnapshot[] = []
  let current = ''
  const view = dashboard.openTerminal({
    agentId,
    onSnapshot: snapshot => {
      snapshots = [...snapshots, snapshot]
      if (snapshot.terminalId !== current) received.length = 0
      current = snapshot.terminalId
      if (snapshot.screen.includes('name?')) asked()
    },
    onOutput: bytes => {
      received.push(bytes)
      if (Buffer.concat(received).includes('name?')) asked()
    },
    onExit: () => {
      if (current === command.commandId) ended()
    },
  })
  const command = await submit('printf \'🙂 name? \'; read name; echo "hello $name"')
  await question
  t.same(await view.input('wörld\r'), { ok: true })
  await exited
  t.equal(view.terminalId, command.commandId, 'the view followed the newest terminal')
  t.match(await call<string>(operator, 'GET', `/api/v1/agents/${agentId}/terminal`), {
    body: '🙂 name? wörld\nhello wörld\n',
  })
  const screen = new ReferenceScreen()
  await screen.write(snapshots.at(-1)?.screen ?? '')
  for (const bytes of received) await screen.write(bytes)
  t.match(screen.look().screen, /🙂 name\? wörld\r\nhello wörld/)
})

t.test('more output than the agent keeps arrives completely at a viewer that keeps up', async t => {
  const { agentId, dashboard, submit } = await start(t)
  let bytes = 0
  let gaps = 0
  let end = () => {}
  const exited = new Promise<void>(resolve => {
    end = resolve
  })
  const first = await submit(`printf ready; read go; head -c ${LONG_BYTES} /dev/zero | tr "\\0" x`)
  let show = () => {}
  const shown = new Promise<void>(resolve => {
    show = resolve
  })
  const view = dashboard.openTerminal({
    agentId,
    terminalId: first.commandId,
    onSnapshot: ({ offset, gap, screen }) => {
      if (gap) gaps++
      bytes = offset
      if (screen.includes('ready')) show()
    },
    onOutput: chunk => {
      bytes += chunk.length
      show()
    },
    onExit: () => end(),
  })
  await shown
  await view.input('\r')
  await exited
  // A viewer slightly slower than its credit gets a snapshot for the bytes that it misses: its offset is still correct.
  t.equal(bytes, LONG_BYTES + 'ready\r\n'.length)
  t.comment(`${gaps} snapshots instead of bytes`)
})

t.test('an interrupt from the dashboard ends the command, and all viewers are notified', async t => {
  const { agentId, dashboard, submit, call, operator } = await start(t)
  const seen = new Promise<void>(resolve => {
    dashboard.openTerminal({
      agentId,
      onOutput: bytes => {
        if (Buffer.from(bytes).includes('started')) resolve()
      },
      onSnapshot: ({ screen }) => {
        if (screen.includes('started')) resolve()
      },
    })
  })
  const command = await submit('echo started; sleep 600')
  await seen
  await call(operator, 'POST', `/api/v1/commands/${command.commandId}/interrupt`, {})
  const next = await submit('echo next', '?wait=20')
  t.match(next, { status: 'succeeded' })
  const ended = (await call<Command>(operator, 'GET', `/api/v1/commands/${command.commandId}`)).body
  t.match(ended, { status: 'cancelled', exitCode: 130, confirmed: true })
})

t.test('[CS27] a command that waits for input is shown as waiting until somebody types', async t => {
  const { agentId, dashboard, submit, log } = await start(t)
  const told = <T>(fits: (payload: T) => boolean) =>
    new Promise<T>(resolve => {
      const unfollow = log.follow(events => {
        const found = events.find(({ payload }) => fits(payload as T))
        if (found === undefined) return
        unfollow()
        resolve(found.payload as T)
      })
    })
  const inPhase = (phase: Command['phase']) =>
    told<Command>(payload => payload.phase === phase && !!payload.detail === (phase === 'waiting_input'))
  const waits = inPhase('waiting_input')
  const agentWaits = told<Agent>(payload => payload.work === 'waiting')
  const command = await submit('read name; sleep 1; echo "hello $name"')
  t.match(await waits, {
    commandId: command.commandId,
    status: 'running',
    detail: 'sh waits for input',
    evidence: 'inferred',
    waitingSince: undefined,
  })
  t.match(await agentWaits, { work: 'waiting', detail: 'sh waits for input', evidence: 'inferred' })
  const goesOn = inPhase('working')
  const view = dashboard.openTerminal({ agentId, terminalId: command.commandId })
  t.same(await view.input('ada\r'), { ok: true })
  t.match(await goesOn, { detail: undefined, evidence: undefined })
})

t.test('[TM14] a program’s queries are answered once, with and without viewers', async t => {
  const { agentId, dashboard, submit } = await start(t)
  const ask = (query: string, length: number) =>
    `stty raw -echo min 1 time 50; printf '${query}'; answer=$(dd bs=1 count=${length} 2>/dev/null); ` +
    // Anything after the one answer would be a second.
    `stty min 0 time 5; more=$(dd bs=1 count=8 2>/dev/null); stty sane; printf '[%s][%s]' "$answer" "$more" | tr '\\033' E`
  t.match(await submit(ask('ab\\033[6n', 6), '?wait=20'), { output: /ab.*\[E\[1;3R\]\[\]/s, status: 'succeeded' })
  for (let i = 0; i < 2; i++) dashboard.openTerminal({ agentId })
  t.match(await submit(ask('\\033[c', 7), '?wait=20'), { output: /\[E\[\?1;2c\]\[\]/ })
  t.match(await submit(ask('\\033]11;?\\007', 25), '?wait=20'), { output: /\[E\]11;rgb:0000\/0000\/0000E.\]\[\]/s })
})
