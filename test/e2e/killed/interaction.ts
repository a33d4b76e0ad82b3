import { AgentClient, DashboardClient } from '@fleetwire/client/node'
import type { Command, Interaction } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { cuttableLink } from '../../helpers/cuttable-link.ts'
import type { Killed } from '../../helpers/killed-server.ts'

const reconnect = { baseMs: 50, capMs: 200, stableMs: 10_000, maxHintMs: 1000 }

/** An agent whose command ends with the answer that it got. */
function askingAgent(t: Test, url: string, token: string, interactionId: string): AgentClient {
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

/** A dashboard that is connected all the time; `until` resolves with the first match. */
function watch(t: Test, url: string, token: string, agentId: string) {
  const dashboard = new DashboardClient({ url, token, reconnect })
  t.teardown(() => dashboard.close())
  const seen: { type: string; payload: unknown }[] = []
  const looks = new Set<() => void>()
  const add = (...facts: typeof seen) => {
    seen.push(...facts)
    for (const look of looks) look()
  }
  dashboard.subscribe([`agents.${agentId}.>`], { event: add, snapshot: ({ records }) => add(...records) })
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

/**
 * When the server is killed: while the question is open, or once it is answered and the answer has not reached the
 * agent.
 */
export type Moment = 'asked' | 'answered'

/** An agent that asks, and a server that is killed at each of these moments. */
export function interaction(...moments: Moment[]): Killed {
  const agentId = `asking-${moments.join('-')}`
  const interactionId = `may-i-${agentId}`
  return async (t, { port, url, call, mint, kill, restart }) => {
    const link = await cuttableLink(t, port)
    const until = watch(t, url, await mint('ann', 'operator'), agentId)
    await askingAgent(t, `http://127.0.0.1:${link.port}`, await mint(agentId, 'agent'), interactionId).start()
    await until('agent:status', ({ link }: { link: string }) => link === 'online')
    await call('POST', `/agents/${agentId}/commands`, { kind: 'ask', input: null })
    await until('command:progress', ({ phase }: Command) => phase === 'waiting_input')
    if (moments.includes('asked')) {
      await kill()
      link.cut(moments.includes('answered'))
      await restart()
    } else link.cut(true)
    const answered = await call<Interaction>('POST', `/interactions/${interactionId}/respond`, { optionId: 'yes' })
    t.equal(answered.state, 'resolved')
    if (moments.includes('answered')) {
      t.equal(answered.delivery, 'pending')
      await kill()
      link.cut(false)
      await restart()
    }
    t.match(await until('command:succeeded'), { output: { optionId: 'yes' }, attempt: 1 })
    await until('interaction:resolved', ({ delivery }: Interaction) => delivery === 'applied')
  }
}
