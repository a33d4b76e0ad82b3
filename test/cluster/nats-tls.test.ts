import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { natsServerConfig } from '../../src/processes/nats-server.ts'
import { activeOf, serveNode } from '../helpers/cluster-nodes.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { isInstalled } from '../helpers/programs.ts'

t.setTimeout(120_000)

t.test('nodes reach NATS servers over TLS, with a CA of their own and a certificate of the node', async t => {
  if (!isInstalled(t, 'openssl')) return
  const folder = mkdtempSync(join(tmpdir(), 'fleetwire-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '1']
  openssl('req', '-x509', ...key, '-subj', '/CN=ca', '-keyout', 'ca-key.pem', '-out', 'ca.pem')
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1\n')
  for (const name of ['server', 'node']) {
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}-key.pem`, '-out', `${name}.csr`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '1', '-extfile', 'names']
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`)
  }
  const file = (name: string) => JSON.stringify(join(folder, name))
  const tls = `tls { cert_file: ${file('server.pem')}, key_file: ${file('server-key.pem')}, ca_file: ${file('ca.pem')}, verify: true }\n`
  const nats = await NatsCluster.start(t, { config: server => natsServerConfig(server) + tls })
  if (nats === undefined) return
  const own = { FLEETWIRE_NATS_CERT: join(folder, 'node.pem'), FLEETWIRE_NATS_KEY: join(folder, 'node-key.pem') }
  const active = await activeOf([serveNode(t, nats, 'a', { FLEETWIRE_NATS_CA: join(folder, 'ca.pem'), ...own })])
  t.match(active.output(), /this node is the active one/)
  const missing = serveNode(t, nats, 'b', { FLEETWIRE_NATS_CA: join(folder, 'none.pem'), ...own })
  t.match(await missing.ended, { code: 1, stderr: /none\.pem cannot be read/ })
})
