import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AgentClient } from '@fleetwire/client/node'
import { connect } from '@nats-io/transport-node'
import t, { type Test } from 'tap'
import { systemClock as clock } from '../../src/clock.ts'
import { openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import type { NatsServerConfig } from '../../src/processes/nats-server.ts'
import { SECRET } from '../helpers/build.ts'
import { decidingOf, openNode } from '../helpers/cluster-nodes.ts'
import { hmacToken } from '../helpers/foreign-token.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'
import { read } from '../house/repository.ts'

t.setTimeout(120_000)

/** Large enough that the server sends flow control requests to its reader. */
const CHECKPOINT_BYTES = size('CHECKPOINT_BYTES', { quick: 4_000_000, full: 64_000_000 })
const password = `nats-${randomBytes(12).toString('hex')}`

/**
 * deploy/nats/nats.conf as it is, except for addresses and storage, and with the environment variables of containers
 * filled in.
 */
function deployed({ name, port, routePort, routes: others, dataDir }: NatsServerConfig): string {
  const routes = others.map(other => `nats://route:${password}@${other}`)
  const variables = `NATS_NAME: ${name}\nNATS_PASSWORD: "${password}"\nNATS_ROUTES: [${routes.join(', ')}]\n`
  const local = read('deploy/nats/nats.conf')
    .replace('"0.0.0.0:4222"', `"127.0.0.1:${port}"`)
    .replace('"0.0.0.0:6222"', `"127.0.0.1:${routePort}"`)
    .replace('"0.0.0.0:8222"', '"127.0.0.1:0"')
    .replace('"/data"', JSON.stringify(dataDir))
  return variables + local
}

t.test('nodes need no more permissions in NATS than deploy/nats/nats.conf grants them', async t => {
  const nats = await NatsCluster.start(t, { config: deployed })
  if (nats === undefined) return
  const servers = nats.addresses.map(address => `nats://fleetwire:${password}@${address}`)
  const nodes = await Promise.all(['a', 'b'].map(name => openNode(t, { addresses: servers }, name)))
  const first = await decidingOf(nodes)
  const second = nodes.find(node => node !== first)!
  const runOn = async (url: string) => {
    const agent = await agentAt(t, url)
    const submitted = await until(async () => {
      const answer = await fetch(`${url}/api/v1/agents/a1/commands?wait=10`, {
        method: 'POST',
        headers: { authorization: `Bearer ${hmacToken(SECRET)}`, 'content-type': 'application/json' },
        body: JSON.stringify({ kind: 'shell', input: 'x' }),
      })
      return answer.ok && ((await answer.json()) as { status: string })
    })
    t.equal(submitted.status, 'succeeded')
    await agent.stop({ graceMs: 100 })
  }
  await runOn(second.url)
  await first.app.close()
  await decidingOf([second])
  await runOn(second.url)

  const stream = await openNatsCommitStream({ servers, namespace: 'default', clock })
  t.teardown(() => stream.close())
  const file = join(t.testdir(), 'checkpoint')
  await writeFile(file, randomBytes(CHECKPOINT_BYTES))
  const { last } = await stream.bounds()
  await stream.checkpoints.save(last, file)
  await until(async () => (await stream.checkpoints.list()).includes(last))
  await stream.checkpoints.load(last, `${file}.loaded`)
  t.strictSame(await readFile(`${file}.loaded`), await readFile(file))
  await stream.checkpoints.remove(last)
  await stream.trim(1)
  t.equal((await stream.bounds()).first, 2)
  t.equal((await stream.read(1, last)).length > 0, true)
  t.strictSame(violations(nats), [])

  const node = await connect({
    servers: nats.addresses,
    user: 'fleetwire',
    pass: password,
    inboxPrefix: '_INBOX.fw.default',
  })
  t.teardown(() => node.close())
  const refused = ['live.fw.default.log', 'fw.other.log', '$JS.API.STREAM.DELETE.FLEETWIRE_default', 'anything']
  for (const subject of refused) node.publish(subject, '{}')
  node.subscribe('>', { callback: () => {} })
  await until(() => violations(nats).length === refused.length + 1)
  t.pass('and they get no more')
  await t.rejects(connect({ servers: nats.addresses, reconnect: false }), /authorization/i)
})

/** Permission violations that a server logged. */
const violations = (nats: NatsCluster): string[] =>
  nats
    .output()
    .split('\n')
    .filter(line => /Violation/.test(line))

async function agentAt(t: Test, url: string): Promise<AgentClient> {
  const token = hmacToken(SECRET, { sub: 'a1', role: 'agent' })
  const agent = new AgentClient({ url, token, handlers: { shell: async () => ({ status: 'succeeded' as const }) } })
  t.teardown(() => agent.stop({ graceMs: 0 }))
  await agent.start()
  return agent
}
