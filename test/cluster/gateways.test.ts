import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { forkNode } from '../../src/processes/node-process.ts'
import { SECRET } from '../helpers/build.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { adminToken, fleetwire } from '../helpers/processes.ts'
import { inFull, size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'
import { connectWs } from '../helpers/ws-client.ts'

t.setTimeout(120_000)

/** Besides the first node. */
const GATEWAYS = size('GATEWAYS', { quick: 1, full: 2 })

t.test('serve --gateways runs nodes behind one port, replaces those that die, and ends them all', async t => {
  const nats = await NatsCluster.shared(t)
  if (nats === undefined) return
  const env = {
    FLEETWIRE_NATS_URL: nats.addresses.join(','),
    FLEETWIRE_NAMESPACE: nats.namespace,
    FLEETWIRE_JWT_SECRET: SECRET,
    FLEETWIRE_NODE: 'here',
  }
  const server = fleetwire(t, ['serve', '--gateways', `${GATEWAYS}`, '--port', '0', '--data-dir', t.testdir()], env)
  const [, url] = await server.printed(new RegExp(`listens at (\\S+), with ${GATEWAYS + 1} nodes behind it`))
  await server.printed(new RegExp(`${url}/#login=`))
  const token = await adminToken(server)
  const headers = { authorization: `Bearer ${token}`, connection: 'close' }
  const own = await until(() => {
    const found = [...server.output().matchAll(/Server listening at (http:[^"\s]+)/g)].map(([, origin]) => origin!)
    return found.length === GATEWAYS + 1 && found
  })
  const isReady = (origin: string) =>
    fetch(`${origin}/ready`, { headers }).then(
      ({ ok }) => ok,
      () => false,
    )
  for (const origin of own) await until(() => isReady(origin))
  const opened = async (origin: string) => {
    const text = await (await fetch(`${origin}/metrics`, { headers })).text()
    return Number(/^fleetwire_connections_opened_total (\d+)/m.exec(text)![1])
  }
  await until(async () => {
    await connectWs(t, url!, token)
    return (await Promise.all(own.map(opened))).every(count => count > 0)
  })
  t.pass('all of them accept clients')
  const { items } = (await (await fetch(`${url}/api/v1/connections`, { headers })).json()) as {
    items: { address?: string }[]
  }
  t.match(items[0], { address: '127.0.0.1' }, 'a node sees the address of the client')

  const pids = await until(async () => {
    const found = [...server.output().matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid))
    return found.length > 0 && [...new Set(found)]
  })
  process.kill(pids[0]!, 'SIGKILL')
  const [, ended] = await server.printed(/(here-\d) has ended \(SIGKILL\)\. It starts again/)
  t.match(ended, /^here-[123]$/)
  await until(() => isReady(url!))

  t.equal(server.output().match(/Your admin token/g)?.length, 1, 'one of them prints a token, once')

  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0, server.output())
  const { port } = new URL(url!)
  const refused = connect(Number(port), '127.0.0.1')
  const [error] = await once(refused, 'error')
  t.equal(error.code, 'ECONNREFUSED')
})

t.test('a mistake in the settings of all nodes is reported once, and ends the start', async t => {
  const args = ['serve', '--gateways', '1', '--port', '0', '--data-dir', t.testdir()]
  const alone = await fleetwire(t, args).ended
  t.match(alone, { code: 2, stderr: /--gateways needs FLEETWIRE_NATS_URL/ })
  const noSecret = await fleetwire(t, args, { FLEETWIRE_NATS_URL: 'nats://127.0.0.1:9' }).ended
  t.equal(noSecret.code, 1, noSecret.stderr)
  t.match(noSecret.stderr, /FLW_ERR|FLEETWIRE_JWT_SECRET|secret/i)
})

t.test('a node whose parent is gone before it has started ends by itself', async t => {
  const folder = t.testdir()
  const env = { PATH: process.env.PATH, HOME: folder }
  const publicOrigin = 'http://127.0.0.1:1'
  const node = forkNode({ port: 0, host: '127.0.0.1', dataDir: `${folder}/data`, publicOrigin, env })
  t.teardown(() => void node.kill('SIGKILL'))
  node.disconnect()
  t.same(await once(node, 'exit'), [0, null])
})

t.test('nodes whose first process is killed while they start end by themselves', inFull, async t => {
  const nats = await NatsCluster.shared(t)
  if (nats === undefined) return
  const env = {
    FLEETWIRE_NATS_URL: nats.addresses.join(','),
    FLEETWIRE_NAMESPACE: nats.namespace,
    FLEETWIRE_JWT_SECRET: SECRET,
    FLEETWIRE_NODE: 'brief',
  }
  const folder = t.testdir()
  const server = fleetwire(t, ['serve', '--gateways', '1', '--port', '0', '--data-dir', folder], env)
  const children = () => {
    const { stdout } = spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
    return stdout.split('\n').filter(line => line.includes('--with-parent') && line.includes(folder))
  }
  await until(() => children().length === 2)
  // Not server.kill, which waits until the output is closed: the nodes hold it open too.
  server.child.kill('SIGKILL')
  await until(() => children().length === 0)
  t.pass('no node is left')
})
