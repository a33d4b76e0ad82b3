import { DashboardClient } from '@fleetwire/client/node'
import type { Agent } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { startForCli } from '../../helpers/cli.ts'
import { freePort } from '../../helpers/processes.ts'
import { sit } from '../../helpers/seat.ts'
import { some } from '../../helpers/sizes.ts'
import { until } from '../../helpers/until.ts'

/** What the shell prints after the program: its exit code, and whether the terminal was restored. */
const AFTER = 'echo "code $?"; [ "$before" = "$(stty -g)" ] && echo "as before"'
const wrapped = (id: string, program: string) =>
  `before=$(stty -g); fleetwire agent wrap --id ${id} -- ${program}; ${AFTER}`

async function start(t: Test) {
  const server = await startForCli(t)
  t.testdir()
  return {
    ...server,
    sit: async (id: string, program: string, line = wrapped(id, program)) => {
      const env = { FLEETWIRE_URL: server.url, FLEETWIRE_TOKEN: await server.token('agent', { sub: id }) }
      return sit(t, line, { env, cwd: t.testdirName })
    },
    agentOf: async (id: string) => (await server.call<Agent>(server.admin, 'GET', `/api/v1/agents/${id}`)).body,
    screenOf: async (id: string) =>
      (await server.call<string>(server.admin, 'GET', `/api/v1/agents/${id}/terminal`)).body,
  }
}

t.test('a wrapped program behaves as if run directly: its terminal, its keys, its exit', async t => {
  const { sit, screenOf } = await start(t)
  const cases: [program: string, code: number][] = [
    [`sh -c 'exit 7'`, 7],
    [`sh -c 'exit 0'`, 0],
    [`sh -c 'kill -TERM $$'`, 143],
    [`sh -c 'printf "\\033[?1049h\\033[?25l\\033[?1000h"; kill -KILL $$'`, 137],
    ['no-such-program', 127],
    ['./no/such/program', 127],
  ]
  await Promise.all(
    some('WRAPPED_ENDS', 2, cases).map(async ([program, code], i) => {
      const seat = await sit(`end-${i}`, program)
      await seat.shows(new RegExp(`code ${code}\\s+as before`))
      t.pass(program)
      // Whatever the program did not undo itself.
      if (code === 137) t.match(seat.text(), '\x1b[?1000l\x1b[?1049l\x1b[?25h')
      else if (code !== 127) t.notOk(seat.text().includes('\x1b'), 'nothing is written that the program did not write')
    }),
  )
  const seat = await sit(
    'tty',
    `sh -c 'tty | cut -c1-8; stty size; stty -a | grep -o "isig icanon"; echo "[$TERM][$FLEETWIRE_TOKEN]"; stty -echo; read x; echo "<$x>"'`,
  )
  await seat.shows(/\/dev\/pts\s+30 90\s+isig icanon\s+\[xterm-256color\]\[\]/)
  seat.type('wörld 🙂\r')
  await seat.shows(/<wörld 🙂>\s+code 0\s+as before/)
  t.match(await screenOf('tty'), /<wörld 🙂>/)
})

t.test(
  'the local terminal owns the size: resize requests of viewers are ignored, and viewers see every change',
  async t => {
    const { sit, url, admin } = await start(t)
    const seat = await sit('size', `sh -c 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done'`)
    await seat.shows(/ready/)
    const dashboard = new DashboardClient({ url, token: admin })
    t.teardown(() => dashboard.close())
    const sizes: string[] = []
    const view = dashboard.openTerminal({
      agentId: 'size',
      onSnapshot: ({ cols, rows }) => sizes.push(`${cols}x${rows}`),
      onResize: ({ cols, rows }) => sizes.push(`${cols}x${rows}`),
    })
    dashboard.connect()
    await until(() => sizes.length > 0)
    t.same(await view.resize(50, 10), { ok: true })
    seat.resize(101, 31)
    await seat.shows(/31 101/)
    await until(() => sizes.at(-1) === '101x31')
    t.notMatch(seat.text(), /10 50/)
    t.notOk(sizes.includes('50x10'), 'no viewer was sent its requested size')
  },
)

t.test('Ctrl-Z returns to the shell, fg to the program; a viewer that presses Ctrl-Z stops nothing', async t => {
  const { sit, url, admin, agentOf, log } = await start(t)
  const suspended = new Promise<Agent>(resolve => {
    log.follow(batch => {
      for (const { payload } of batch) if (/Ctrl-Z/.test((payload as Agent).detail ?? '')) resolve(payload as Agent)
    })
  })
  const line = `set -m; before=$(stty -g); fleetwire agent wrap --id z -- sh -c 'echo ready; while read x; do echo "<$x>"; done'
    ${AFTER.replace('code', 'stopped')}; fg; ${AFTER}`
  const seat = await sit('z', '', line)
  await seat.shows(/ready/)
  await until(async () => (await agentOf('z'))?.link === 'online')
  seat.type('\x1a')
  await seat.shows(/stopped 1\d\d\s+as before/)
  t.match(await suspended, { work: 'waiting', evidence: 'reported' })
  // The line above contains the fg: the program continues to read.
  seat.type('one\r')
  await seat.shows(/<one>/)
  const dashboard = new DashboardClient({ url, token: admin })
  t.teardown(() => dashboard.close())
  const view = dashboard.openTerminal({ agentId: 'z' })
  dashboard.connect()
  await until(async () => (await view.input('\x1atwo\r')).ok)
  await seat.shows(/<two>/)
  t.equal(seat.text().match(/stopped/g)?.length, 1)
  seat.type('\x04')
  await seat.shows(/code 0\s+as before/)
})

t.test(
  'ending the agent ends the program, and even kill -9 leaves nothing behind',
  { skip: process.platform !== 'linux' },
  async t => {
    const { sit } = await start(t)
    /** Would read forever from a terminal that is gone, unless it is killed. */
    const stubborn = `sh -c 'trap "" HUP INT TERM; printf "\\033[?1049h\\033[?2004h"; echo "pid=$$."; while :; do read x; done'`
    const isGone = (pid: number) =>
      until(() => {
        try {
          process.kill(pid, 0)
          return false
        } catch {
          return true
        }
      })
    await Promise.all([
      (async () => {
        const seat = await sit('killed', stubborn)
        const [, pid] = await seat.shows(/pid=(\d+)\./)
        process.kill(seat.child(), 'SIGKILL')
        await isGone(Number(pid))
        await seat.shows(/code 137/)
        await seat.shows(/\[\?2004l.\[\?1049l/)
        t.pass('killed with -9')
      })(),
      (async () => {
        const seat = await sit(
          'hung-up',
          `sh -c 'echo "pid=$$."; trap "echo bye > bye; exit 0" HUP; while :; do sleep 0.05; done'`,
        )
        const [, pid] = await seat.shows(/pid=(\d+)\./)
        seat.leave()
        await isGone(Number(pid))
        t.pass('the terminal went away')
      })(),
      (async () => {
        const seat = await sit(
          'asked',
          `sh -c 'trap "echo bye; exit 9" TERM; echo "pid=$$."; while :; do sleep 0.05; done'`,
        )
        await seat.shows(/pid=(\d+)\./)
        process.kill(seat.child(), 'SIGTERM')
        await seat.shows(/bye\s+code 9\s+as before/)
        t.pass('SIGTERM')
      })(),
    ])
  },
)

t.test('without a server the program runs nevertheless, and appears once there is one', async t => {
  const port = await freePort()
  t.testdir()
  const env = { FLEETWIRE_URL: `http://127.0.0.1:${port}`, FLEETWIRE_TOKEN: 'none' }
  const seat = sit(t, wrapped('alone', `sh -c 'read x; echo "<$x>"'`), { env, cwd: t.testdirName })
  await until(() => {
    seat.type('hello\r')
    return seat.text().includes('<hello>')
  })
  await seat.shows(/code 0\s+as before/)
  t.match(seat.text(), /no connection to/, 'told when the program has ended')
})

t.test('a refused token is reported before the program starts', async t => {
  const { url } = await start(t)
  const env = { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: 'not-a-token' }
  const seat = sit(t, wrapped('refused', `sh -c 'echo started'`), { env, cwd: t.testdirName })
  await seat.shows(/refused[\s\S]*code 4\s+as before/)
  t.notMatch(seat.text(), /started/)
})
