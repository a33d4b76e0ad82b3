import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { openReplicatedLog } from '../../src/cluster/log/replicated-log.ts'
import { openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import { NodeRole } from '../../src/cluster/node-role.ts'
import { createFleet } from '../../src/fleet.ts'
import { OpenMessages } from '../../src/sessions/open-messages.ts'
import { FakeAgent, fleetSettings, noTerminals, noWebhooks } from '../helpers/fleet.ts'
import { temporaryFolder } from '../helpers/log-folder.ts'
import { inSharedThread } from '../helpers/log-thread.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(120_000)

t.test('the fleet runs on one of three nodes, and continues where another one ended', async t => {
  const cluster = await NatsCluster.shared(t)
  if (cluster === undefined) return
  const open = async (name: string) => {
    const clock = systemClock
    const stream = await openNatsCommitStream({ servers: cluster.addresses, namespace: cluster.namespace, clock })
    t.teardown(() => stream.close())
    const node = { node: name, address: `${name}:1`, key: `key of ${name}` }
    const faults: unknown[] = []
    const log = await openReplicatedLog({
      ...{ stream, dir: temporaryFolder(t), clock, node, retention: { count: 1e9, ms: 1e12 } },
      appendTimeoutMs: 3000,
      startWorker: inSharedThread,
      onFault: fault => faults.push(fault),
    })
    t.teardown(() => log.close())
    const openMessages = new OpenMessages({ log })
    await openMessages.start()
    t.teardown(() => openMessages.stop())
    const fleet = createFleet({
      ...{ log, clock, openMessages, terminals: noTerminals, webhooks: noWebhooks, settings: fleetSettings },
      onFault: fault => faults.push(fault),
    })
    let isRunning = false
    const role = new NodeRole({
      ...{ node, log, beats: stream.beats, clock, random: Math.random, onNote: () => {} },
      services: {
        start: async () => {
          await fleet.start()
          isRunning = true
        },
        stop: async () => {
          isRunning = false
          await fleet.stop()
        },
      },
      onFault: fault => faults.push(fault),
    })
    t.teardown(() => role.stop())
    role.start()
    const submit = (input: string) =>
      fleet.commandQueue.submit({ agentId: 'a1', kind: 'shell', input, createdBy: 'tester' })
    return { name, stream, log, fleet, role, faults, submit, isRunning: () => isRunning }
  }
  const nodes = await Promise.all(['a', 'b', 'c'].map(open))
  const active = () => until(() => nodes.find(({ role, isRunning }) => role.isActive && isRunning()))
  const first = await active()
  t.equal(nodes.filter(({ role }) => role.isActive).length, 1, 'exactly one is active')
  await until(() => nodes.every(({ role }) => role.members.length === 3))
  await until(() => nodes.every(({ log }) => log.leader?.node === first.name))

  // Agents connect to the active node, as they would when their sockets close on a change.
  const agentOf = async (node: typeof first) => {
    const agent = new FakeAgent(t, 'a1', node.fleet)
    await agent.hello()
    return agent
  }
  const accepted = async (node: typeof first, input: string) => {
    const result = await node.submit(input)
    if (result.status !== 'accepted') throw new Error(JSON.stringify(result))
    return result.command
  }
  const before = await agentOf(first)
  const command = await accepted(first, 'one')
  await before.next('command:dispatch', ({ commandId }) => commandId === command.commandId)
  for (const { fleet } of nodes.filter(node => node !== first)) {
    const refused = await fleet.commandQueue.submit({ agentId: 'a1', kind: 'shell', input: 'x', createdBy: 'tester' })
    t.equal(refused.status, 'refused', 'a node that is not active accepts nothing')
  }

  await first.role.stop()
  t.ok(before.closed, 'the connections of its agents are closed')
  const second = await active()
  const after = await agentOf(second)
  await after.next('command:dispatch', ({ commandId }) => commandId === command.commandId)
  const next = await accepted(second, 'two')

  // To the others this looks like its death: it is not heard any more.
  await second.stream.close()
  const third = await until(() => nodes.find(node => node !== first && node !== second && node.isRunning()))
  t.equal(third.log.term, 4, 'two nodes took over, and one resigned')
  t.match(await third.log.get(`agents.a1.commands.${next.commandId}`), { payload: { input: 'two' } })
  await agentOf(third)
  await accepted(third, 'three')
  await until(() => first.log.head === third.log.head)
  const stateOf = async (node: typeof first) => (await node.log.snapshot(['>'])).records.map(({ json }) => json)
  t.same(await stateOf(first), await stateOf(third), 'a node that only follows has the same state')
  t.same(
    nodes.flatMap(({ faults }) => faults),
    [],
  )
})
