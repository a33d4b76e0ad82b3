import { randomUUID } from 'node:crypto'
import { AgentClient } from '@fleetwire/client/node'
import t from 'tap'
import { SECRET } from '../helpers/build.ts'
import { activeOf, openNode, readiness, serveNode } from '../helpers/cluster-nodes.ts'
import { hmacToken } from '../helpers/foreign-token.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { isFull } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(120_000)

/** In a quick run the other node is in this process. The test of a rolling restart elects among three processes too. */
const OTHERS = isFull ? ['b', 'c'] : ['b']
const MEMBERS = OTHERS.length + 1

t.test('[NO17] processes elect one active node, and another when it stops; what one accepts, all have', async t => {
  const nats = await NatsCluster.shared(t)
  if (nats === undefined) return
  const processes = (isFull ? ['a', ...OTHERS] : ['a']).map(name => serveNode(t, nats, name, {}, ['--local-agent']))
  const first = await activeOf(processes)
  const nodes = isFull ? processes : [first, ...(await Promise.all(OTHERS.map(name => openNode(t, nats, name))))]
  await first.printed(/admin token, valid for 30 days/)
  const call = async (url: string, method: string, path: string, body?: object) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${hmacToken(SECRET)}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  const agentAt = async (url: string) => {
    const handlers = { shell: async () => ({ status: 'succeeded' as const, exitCode: 0 }) }
    const token = hmacToken(SECRET, { sub: 'a1', role: 'agent' })
    const agent = new AgentClient({ url, token, handlers })
    t.teardown(() => agent.stop({ graceMs: 100 }))
    await agent.start()
    return agent
  }
  const submit = (url: string, input: string) =>
    until(async () => {
      const { status, body } = await call(url, 'POST', '/agents/a1/commands', { kind: 'shell', input })
      return status === 202 && (body as { commandId: string }).commandId
    })
  for (const { name, url } of nodes) {
    const role = name === first.name ? 'active' : 'standby'
    const said = `"cluster":{"node":"${name}","role":"${role}","active":"${first.name}","members":${MEMBERS},"lagMs":0`
    await readiness(await url, 200, new RegExp(said))
  }
  t.equal((await call(await first.url, 'GET', '/agents/local')).status, 404, 'nodes run no local agent unless told to')
  const agent = await agentAt(await first.url)
  const one = await submit(await first.url, 'one')
  for (const { name, url } of nodes) {
    const events = async () => (await call(await url, 'GET', '/events?topics=agents.a1.commands.*')).body
    await until(async () => JSON.stringify(await events()).includes(one))
    t.pass(`node ${name} has it`)
  }

  await agent.stop()
  const [standby] = nodes.filter(node => node !== first)
  first.child.kill('SIGTERM')
  const meanwhile = await call(await standby!.url, 'POST', '/agents/a1/commands', { kind: 'shell', input: 'between' })
  t.equal(
    meanwhile.status,
    202,
    `a request to another node is accepted in the meantime: ${JSON.stringify(meanwhile.body)}`,
  )
  const second = await activeOf(nodes.filter(node => node !== first))
  await agentAt(await second.url)
  await submit(await second.url, 'two')
  t.equal((await first.ended).code, 0, first.output())
  for (const node of processes.filter(node => node !== first)) t.notMatch(node.output(), /admin token/)
  for (const { output } of processes) t.notMatch(output(), /The agent "local"/)
})
