import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { decidingOf, openNode } from '../helpers/cluster-nodes.ts'
import { OneNats } from '../helpers/one-nats.ts'
import { isInstalled } from '../helpers/programs.ts'

t.setTimeout(120_000)

t.test('nodes reach NATS servers over TLS, with a private CA and a certificate of the node', async t => {
  if (!isInstalled(t, 'openssl')) return
  const folder = mkdtempSync(join(tmpdir(), 'fleetwire-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  // Generating such a key takes a thousandth of the time of an RSA key.
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  openssl('req', '-x509', ...key, '-subj', '/CN=ca', '-keyout', 'ca-key.pem', '-out', 'ca.pem')
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1\n')
  for (const name of ['server', 'node']) {
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}-key.pem`, '-out', `${name}.csr`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '1', '-extfile', 'names']
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`)
  }
  const file = (name: string) => JSON.stringify(join(folder, name))
  const tls = `tls { cert_file: ${file('server.pem')}, key_file: ${file('server-key.pem')}, ca_file: ${file('ca.pem')}, verify: true }`
  const nats = await OneNats.prepare(t, tls)
  if (nats === undefined) return
  nats.start()
  const own = { NATS_REPLICAS: 1, NATS_CERT: join(folder, 'node.pem'), NATS_KEY: join(folder, 'node-key.pem') }
  const node = await openNode(t, nats, 'a', { NATS_CA: join(folder, 'ca.pem'), ...own })
  t.equal(await decidingOf([node]), node)
  const missing = openNode(t, nats, 'b', { NATS_CA: join(folder, 'none.pem'), ...own })
  await t.rejects(missing, { message: /none\.pem cannot be read/ })
})
