import { randomBytes } from 'node:crypto'
import { AgentClient, DashboardClient } from '@fleetwire/client/node'
import type { Command, Interaction } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { hmacToken } from '../helpers/foreign-token.ts'
import { fleetwire, freePort } from '../helpers/processes.ts'

const interactionId = 'i1'
const reconnect = { baseMs: 50, capMs: 200, stableMs: 10_000, maxHintMs: 1000 }

/** An agent whose command ends with the answer that it got. */
function askingAgent(t: Test, url: string, token: string): AgentClient {
  const agent: AgentClient = new AgentClient({
    ...{ url, token, reconnect },
    handlers: {
      ask: async ({ commandId, signal }) => {
        const options = [{ id: 'yes', label: 'Yes', effect: 'allow' as const }]
        const { optionId } = await agent.ask(
          { interactionId, commandId, kind: 'permission', title: 'May I?', options },
          { signal },
        )
        agent.report('interaction:applied', { interactionId })
        return { status: 'succeeded', output: { optionId } }
      },
    },
  })
  t.teardown(() => agent.stop({ graceMs: 0 }))
  return agent
}

/** A dashboard that is there all the time; `until` resolves with the first fact that fits. */
function watch(t: Test, url: string, token: string) {
  const dashboard = new DashboardClient({ url, token, reconnect })
  t.teardown(() => dashboard.close())
  const seen: { type: string; payload: unknown }[] = []
  const looks = new Set<() => void>()
  const add = (...facts: typeof seen) => {
    seen.push(...facts)
    for (const look of looks) look()
  }
  dashboard.subscribe(['agents.a1.>'], { event: add, snapshot: ({ records }) => add(...records) })
  dashboard.connect()
  return <T>(type: string, fits: (payload: T) => boolean = () => true) =>
    new Promise<T>(resolve => {
      const look = () => {
        const found = seen.find(event => event.type === type && fits(event.payload as T))
        if (found === undefined) return
        looks.delete(look)
        resolve(found.payload as T)
      }
      looks.add(look)
      look()
    })
}

test('[IN6] [IN9] the server is killed with -9 after the question and again after the answer: the agent gets it, the command goes on', async t => {
  const [port, elsewhere] = [await freePort(), await freePort()]
  const secret = randomBytes(32).toString('hex')
  const token = (sub: string, role: string) => hmacToken(secret, { sub, role, jti: `jti-${sub}` })
  const dataDir = t.testdir()
  const serve = async (at: number) => {
    const server = fleetwire(t, ['serve'], {
      FLEETWIRE_PORT: String(at),
      FLEETWIRE_DATA_DIR: dataDir,
      FLEETWIRE_JWT_SECRET: secret,
    })
    await server.printed(/listens at/)
    return server
  }
  const call = async (at: number, path: string, body: object) => {
    const response = await fetch(`http://127.0.0.1:${at}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token('ann', 'operator')}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as unknown }
  }
  const url = `http://127.0.0.1:${port}`

  const first = await serve(port)
  const until = watch(t, url, token('ann', 'operator'))
  await askingAgent(t, url, token('a1', 'agent')).start()
  await until('agent:status', ({ link }: { link: string }) => link === 'online')
  t.match(await call(port, '/agents/a1/commands', { kind: 'ask', input: null }), { status: 202 })
  await until('command:progress', ({ phase }: Command) => phase === 'waiting_input')
  await first.kill('SIGKILL')

  // On another port: the agent cannot come for the answer before this server is dead as well.
  const second = await serve(elsewhere)
  t.match(await call(elsewhere, `/interactions/${interactionId}/respond`, { optionId: 'yes' }), {
    status: 200,
    body: { state: 'resolved', delivery: 'pending' },
  })
  await second.kill('SIGKILL')

  await serve(port)
  t.match(await until('command:succeeded'), { output: { optionId: 'yes' }, attempt: 1 })
  await until('interaction:resolved', ({ delivery }: Interaction) => delivery === 'applied')
})
