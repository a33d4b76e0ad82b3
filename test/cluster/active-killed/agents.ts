import { AgentClient, MemoryJournal } from '@fleetwire/client/node'
import { type Command, isFinal } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { SECRET } from '../../helpers/build.ts'
import type { OpenNode } from '../../helpers/cluster-nodes.ts'
import { hmacToken } from '../../helpers/foreign-token.ts'
import { until } from '../../helpers/until.ts'
import type { KilledFleet } from './fleet.ts'

const AGENTS = 10
const COMMANDS = 6

/** Agents of gateways run each command once, even when the active node is killed. */
export async function agentsUnderKill(t: Test, fleet: KilledFleet): Promise<void> {
  const { gateways, admin } = fleet
  const runs = new Map<string, number>()
  const finish: (() => void)[] = []
  const agents = await Promise.all(
    Array.from({ length: AGENTS }, async (_, n) => {
      const agentId = `r${n}`
      const agent = new AgentClient({
        url: gateways[n % gateways.length]!.url,
        token: hmacToken(SECRET, { sub: agentId, role: 'agent' }),
        journal: new MemoryJournal(),
        maxConcurrency: COMMANDS,
        handlers: {
          shell: async ({ commandId }) => {
            runs.set(commandId, (runs.get(commandId) ?? 0) + 1)
            await new Promise<void>(resolve => finish.push(resolve))
            return { status: 'succeeded' as const, output: commandId }
          },
        },
      })
      t.teardown(() => agent.stop({ graceMs: 100 }))
      await agent.start()
      return { agentId, agent }
    }),
  )
  const accepted: string[] = []
  const submit = async ({ call }: OpenNode, agentId: string) => {
    const id = await until(async () => {
      const body = { kind: 'shell', input: agentId }
      const answer = await call<Command>(admin, 'POST', `/api/v1/agents/${agentId}/commands`, body)
      return answer.status === 202 && answer.body.commandId
    })
    accepted.push(id)
  }
  const submitAll = (node: OpenNode) => Promise.all(agents.map(({ agentId }) => submit(node, agentId)))
  // Submitted to a gateway, which forwards it.
  const [here, there] = gateways
  for (let n = 0; n < 2; n++) await submitAll(here)
  await until(() => runs.size === 2 * AGENTS)
  for (let n = 0; n < 2; n++) await fleet.meet()
  // Half of the commands have ended when the node dies, and some of the results are on their way.
  for (const end of finish.splice(0, AGENTS)) end()
  void submitAll(there).catch(() => {})
  await until(() => runs.size > 2 * AGENTS)
  fleet.kill()
  for (const end of finish.splice(0, AGENTS / 2)) end()
  await submit(here, 'r0')
  await until(() => agents.every(({ agent }) => agent.status.value.state === 'online'))
  await submitAll(there)
  const commands = async () => {
    const lists = agents.map(({ agentId }) =>
      here.call<{ items?: Command[] }>(admin, 'GET', `/api/v1/commands?agentId=${agentId}`),
    )
    return (await Promise.all(lists)).flatMap(({ body }) => body.items ?? [])
  }
  await until(async () => {
    for (const end of finish.splice(0)) end()
    const all = await commands()
    return all.length >= accepted.length && all.every(({ status }) => isFinal(status))
  })
  const ends = new Map((await commands()).map(command => [command.commandId, command]))
  for (const commandId of accepted) t.match(ends.get(commandId), { status: 'succeeded', output: commandId })
  t.same(
    [...runs.values()].filter(count => count !== 1),
    [],
    'no command ran twice',
  )
}
