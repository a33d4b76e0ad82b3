import { readdir, readFile } from 'node:fs/promises'
import { DashboardClient } from '@fleetwire/client/node'
import type { Agent, Command, Interaction, LoginCode, WireEvent } from '@fleetwire/protocol'
import t, { type Test, test } from 'tap'
import { demoAgents } from '../../../src/demo/demo-agents.ts'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwire, freePort } from '../../helpers/processes.ts'
import { inFull } from '../../helpers/sizes.ts'
import { until } from '../../helpers/until.ts'

/** Starts the demo, logs in with the link that it prints, and watches everything. */
async function startDemo(t: Test, args: string[] = ['--port', '0']) {
  // Everything that this demo leaves behind would be here, and nothing of other demos.
  const temp = await emptyFolder(t)
  const demo = fleetwire(t, ['demo', ...args], { TMPDIR: temp })
  const [, url = '', code = ''] = await demo.printed(/^ {2}(http:\S+)\/#login=(\S+)$/m)
  const login = await fetch(`${url}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code } satisfies Pick<LoginCode, 'code'>),
  })
  const { token } = (await login.json()) as { token: string }
  const client = new DashboardClient({ url, token })
  t.teardown(() => client.close())
  const events: WireEvent[] = []
  const agents = new Map<string, Agent>()
  const looks = new Set<() => void>()
  const keep = ({ type, payload }: { type: string; payload: unknown }) => {
    if (type === 'agent:status') agents.set((payload as Agent).agentId, payload as Agent)
  }
  client.subscribe('agents.>', {
    snapshot({ records }) {
      for (const record of records) {
        keep(record)
        events.push(record as unknown as WireEvent)
      }
      for (const look of looks) look()
    },
    event(event) {
      keep(event)
      events.push(event)
      for (const look of looks) look()
    },
  })
  client.connect()

  /** Resolves with the first result that is not undefined, now or after some event. */
  const heard = <T>(find: () => T | undefined): Promise<T> =>
    new Promise(resolve => {
      const look = () => {
        const found = find()
        if (found === undefined) return
        looks.delete(look)
        resolve(found)
      }
      looks.add(look)
      look()
    })
  const command = (type: string, which: (command: Command) => boolean): Promise<Command> =>
    heard(() => events.find(event => event.type === type && which(event.payload as Command))?.payload as Command)
  return {
    ...{ demo, client, temp, url, events, agents, heard, command },
    folder: async () => `${temp}/${(await readdir(temp)).find(name => name.startsWith('fleetwire-demo-'))}`,
    online: () => heard(() => demoAgents.every(({ agentId }) => agents.get(agentId)?.status === 'online') || undefined),
    async send(agentId: string, kind: string, input: string): Promise<Command> {
      const sent = await client.submit({ agentId, kind, input, priority: 10 })
      if (!sent.ok) throw new Error(sent.error.message)
      return sent.command
    },
    /** Ids of the processes that belong to this demo. */
    processes: () => processesWith(`TMPDIR=${temp}`),
  }
}

async function processesWith(setting: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger)
  const found = await Promise.all(
    pids.map(async pid => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
      return environment.split('\0').includes(setting) ? [pid] : []
    }),
  )
  return found.flat()
}

const isLinux = process.platform === 'linux'
/** The demo's agents work at human pace. */
const TIMEOUT = { timeout: 180_000 }
t.setTimeout(4 * TIMEOUT.timeout)

test('six agents work, a killed one comes back, and a killed demo takes its processes and its folder with it', {
  ...TIMEOUT,
  skip: !isLinux && 'needs /proc',
}, async t => {
  const it = await startDemo(t)
  await it.online()
  for (const { agentId, name } of demoAgents) {
    t.match(it.agents.get(agentId), { name, labels: { env: 'demo' } })
  }
  // In parallel: each of them is slow.
  t.jobs = 6
  await Promise.all([
    t.test('an answer decides whether the folder is deleted', async t => {
      const asked = await it.heard(
        () => it.events.find(({ type }) => type === 'interaction:requested')?.payload as Interaction | undefined,
      )
      t.match(asked, { agentId: 'cleaner', kind: 'permission', risk: 'high', state: 'open' })
      const [, name = ''] = /^rm -r (\S+)/.exec(asked.subject?.preview ?? '') ?? []
      const scratch = `${await it.folder()}/scratch/cleaner`
      t.ok((await readdir(`${scratch}/${name}`)).length > 10, 'the folder exists')
      t.match(await it.client.respond({ interactionId: asked.interactionId, optionId: 'delete' }), { ok: true })
      const ended = await it.command('command:succeeded', ({ commandId }) => commandId === asked.commandId)
      t.match(ended.output, /^Deleted/)
      t.notOk((await readdir(scratch)).includes(name), 'the folder is gone')
    }),

    t.test('a failed command is retried', async t => {
      const failed = await it.command('command:failed', ({ agentId }) => agentId === 'link-checker')
      t.match(failed.error, { code: 'ECONNREFUSED' })
      t.ok(await it.command('command:queued', ({ retryOf }) => retryOf === failed.commandId))
    }),

    t.test('a long job shows its progress, and stops on request', async t => {
      const long = await it.command('command:progress', ({ progress }) => /^Copied/.test(progress?.message ?? ''))
      t.match(await it.client.interrupt(long.commandId), { ok: true, affected: true })
      const ended = await it.command('command:cancelled', ({ commandId }) => commandId === long.commandId)
      t.match(ended, { confirmed: true })
      const left = await readdir(`${await it.folder()}/scratch/archivist`)
      t.notOk(
        left.some(name => name.startsWith('copy')),
        'the copy is removed',
      )
    }),

    t.test('an answer streams while it is written, and arrives complete', async t => {
      const question = await it.send('explainer', 'prompt', 'Explain slugify')
      const { output } = await it.command('command:succeeded', ({ commandId }) => commandId === question.commandId)
      const deltas = it.events.filter(({ type, payload }) => {
        return type === 'message:delta' && (payload as { commandId?: string }).commandId === question.commandId
      })
      t.ok(deltas.length > 20, `${deltas.length} pieces`)
      const streamed = deltas.map(({ payload }) => (payload as { delta: string }).delta).join('')
      t.equal(streamed.replace('Explain slugify', '').trim(), output)
      t.match(output, /^## `src\/slugify\.js`[\s\S]*```js\nexport function slugify/)
    }),

    t.test('people can type at the prompt of Node', async () => {
      const prompt = await it.command('command:running', ({ agentId, input }) => agentId === 'repl' && input === 'node')
      let screen = ''
      const terminal = it.client.openTerminal({
        agentId: 'repl',
        terminalId: prompt.commandId,
        onSnapshot: snapshot => {
          screen += snapshot.screen
        },
        onOutput: bytes => {
          screen += new TextDecoder().decode(bytes)
        },
      })
      await until(() => screen.includes('> '))
      await terminal.input('6 * 111 + "!"\r')
      await until(() => screen.includes("'666!'"))
    }),

    t.test('a person’s shell command runs next to the agent’s work', async t => {
      const line = await it.send('test-runner', 'shell', 'node test.js roman')
      const ended = await it.command('command:succeeded', ({ commandId }) => commandId === line.commandId)
      t.match(ended, { output: /4 passed/, exitCode: 0 })
    }),
  ])

  const measured = await it.heard(() => it.events.find(({ type }) => type === 'agent:metrics')?.payload)
  t.match(measured, { cpu: Number, memoryBytes: Number })
  const [first] = (await it.processes()).filter(pid => pid !== it.demo.child.pid).sort((a, b) => a - b)
  process.kill(first!, 'SIGKILL')
  const [, agentId] = await it.demo.printed(/The agent "([\w-]+)" has ended \(SIGKILL\)/)
  const back = await it.heard(() =>
    it.events.find(
      ({ type, payload }) =>
        type === 'agent:lifecycle' && (payload as { lifecycle?: string }).lifecycle === 'restarted',
    ),
  )
  t.match(back.payload, { agentId })

  it.client.close()
  await it.demo.kill('SIGKILL')
  await until(async () => (await it.processes()).length === 0)
  t.same(await readdir(it.temp), [])
})

test('Ctrl-C ends everything, even during the start, and removes the folder', TIMEOUT, async t => {
  const it = await startDemo(t)
  it.demo.child.kill('SIGINT')
  t.match(await it.demo.ended, { code: 0, stdout: /Everything has ended/, stderr: '' })
  t.same(await readdir(it.temp), [])
  if (isLinux) t.same(await it.processes(), [])
})

test('synthetic agents are labelled as such; a demo whose port is taken leaves nothing behind', {
  ...TIMEOUT,
  ...inFull,
}, async t => {
  const port = String(await freePort())
  const it = await startDemo(t, ['--port', port, '--agents', '12'])
  const isThere = ({ status, labels }: Agent) => status === 'online' && labels.synthetic === 'true'
  await it.heard(() => [...it.agents.values()].filter(isThere).length === 12 || undefined)
  t.match(await it.command('command:progress', ({ agentId }) => agentId.startsWith('synthetic-')), {
    progress: { message: 'Waiting: 1 of 10' },
  })
  const second = fleetwire(t, ['demo', '--port', port], { TMPDIR: it.temp })
  t.match(await second.ended, { code: 1, stderr: /^fleetwire: listen EADDRINUSE.*\n$/ })
  t.equal((await readdir(it.temp)).length, 1)
  it.demo.child.kill('SIGTERM')
  t.match(await it.demo.ended, { code: 0, stderr: '' })
  t.same(await readdir(it.temp), [])
})
