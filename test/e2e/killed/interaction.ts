import { AgentClient, DashboardClient } from '@fleetwire/client/node'
import type { Command, Interaction } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { cuttableLink } from '../../helpers/cuttable-link.ts'
import type { Killed } from '../../helpers/killed-server.ts'

const interactionId = 'may-i'
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
  dashboard.subscribe(['agents.asking.>'], { event: add, snapshot: ({ records }) => add(...records) })
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

/** An agent that does not hear the answer before the server is killed again. */
export const interaction: Killed = async (t, { port, url, call, mint, kill, restart }) => {
  const link = await cuttableLink(t, port)
  const until = watch(t, url, await mint('ann', 'operator'))
  await askingAgent(t, `http://127.0.0.1:${link.port}`, await mint('asking', 'agent')).start()
  await until('agent:status', ({ link }: { link: string }) => link === 'online')
  await call('POST', '/agents/asking/commands', { kind: 'ask', input: null })
  await until('command:progress', ({ phase }: Command) => phase === 'waiting_input')
  await kill()
  link.cut(true)
  await restart()
  t.match(await call('POST', `/interactions/${interactionId}/respond`, { optionId: 'yes' }), {
    state: 'resolved',
    delivery: 'pending',
  })
  await kill()
  link.cut(false)
  await restart()
  t.match(await until('command:succeeded'), { output: { optionId: 'yes' }, attempt: 1 })
  await until('interaction:resolved', ({ delivery }: Interaction) => delivery === 'applied')
}
