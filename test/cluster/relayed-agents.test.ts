import { AgentClient, MemoryJournal } from '@fleetwire/client/node'
import { type Command, isFinal } from '@fleetwire/protocol'
import t from 'tap'
import { SECRET } from '../helpers/build.ts'
import { type OpenNode, startAroundProcess } from '../helpers/cluster-nodes.ts'
import { hmacToken } from '../helpers/foreign-token.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { until } from '../helpers/until.ts'

const AGENTS = 10
const COMMANDS = 6

t.setTimeout(120_000)

t.test('[NO20] [NO21] agents of gateways run each command once, also when the active node is killed', async t => {
  const nats = await NatsCluster.start(t)
  if (nats === undefined) return
  const { active, gateways } = await startAroundProcess(t, nats)
  const admin = hmacToken(SECRET)

  const runs = new Map<string, number>()
  const finish: (() => void)[] = []
  const agents = await Promise.all(
    Array.from({ length: AGENTS }, async (_, n) => {
      const agentId = `a${n}`
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
  // Asked for at a gateway, which passes it on.
  const [here, there] = gateways
  for (let n = 0; n < 2; n++) await submitAll(here)
  await until(() => runs.size === 2 * AGENTS)
  // One half of them has ended when the node dies, and some of the results are on their way.
  for (const end of finish.splice(0, AGENTS)) end()
  void submitAll(there).catch(() => {})
  await until(() => runs.size > 2 * AGENTS)
  active.child.kill('SIGKILL')
  for (const end of finish.splice(0, AGENTS / 2)) end()
  await submit(here, 'a0')
  await until(() => agents.every(({ agent }) => agent.status.value.state === 'online'))
  await submitAll(there)
  await until(async () => {
    for (const end of finish.splice(0)) end()
    const { body } = await here.call<{ items: Command[] }>(admin, 'GET', '/api/v1/commands?limit=200')
    return body.items?.length >= accepted.length && body.items.every(({ status }) => isFinal(status))
  })
  const { body } = await here.call<{ items: Command[] }>(admin, 'GET', '/api/v1/commands?limit=200')
  const ends = new Map(body.items.map(command => [command.commandId, command]))
  for (const commandId of accepted) t.match(ends.get(commandId), { status: 'succeeded', output: commandId })
  t.same(
    [...runs.values()].filter(count => count !== 1),
    [],
    'none ran twice',
  )
})
