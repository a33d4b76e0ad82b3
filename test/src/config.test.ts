import { readFileSync } from 'node:fs'
import t from 'tap'
import { emitConfigCheck } from '../../scripts/emit-config-check.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import { ConfigSchema } from '../../src/config-schema.ts'

t.test('[CF1] an empty environment gives every default', async t => {
  const config = loadConfig({})
  t.match(config, {
    HOST: '127.0.0.1',
    PORT: 3000,
    DATA_DIR: './data',
    ALLOW_QUERY_TOKEN: true,
    HEARTBEAT_MS: 30_000,
    AGENT_HEARTBEAT_MS: 10_000,
    LEASE_MS: 300_000,
    ACK_DEADLINE_MS: 10_000,
    MAX_FRAME_BYTES: 262_144,
    FRAME_RATE: 100,
    FRAME_BURST: 200,
    METRICS_PUBLIC: false,
  })
  for (const name of ConfigSchema.required ?? []) t.ok(name in config, `${name} has a default`)
})

t.test('[CF1] every setting is read from its variable', async t => {
  const env = { FLEETWIRE_PORT: '0', FLEETWIRE_HOST: '::1', FLEETWIRE_METRICS_PUBLIC: 'true', FLEETWIRE_LEASE_MS: '5' }
  t.match(loadConfig(env), { PORT: 0, HOST: '::1', METRICS_PUBLIC: true, LEASE_MS: 5 })
  t.equal(loadConfig({ FLEETWIRE_LOCAL_AGENT: 'false' }).LOCAL_AGENT, false)
})

t.test('a cluster node needs a key that all nodes share', async t => {
  const env = { FLEETWIRE_NATS_URL: 'a:4222, nats://b:4222' }
  t.throws(() => loadConfig(env), { code: 'FLW_ERR_CONFIG_INVALID', message: /NATS_URL needs a key.*JWT_SECRET/ })
  const { NATS_URL } = loadConfig({ ...env, FLEETWIRE_JWT_SECRET: 'x'.repeat(32) })
  t.same(NATS_URL, ['a:4222', 'nats://b:4222'])
  t.ok(loadConfig({ ...env, FLEETWIRE_JWKS_URL: 'https://issuer.example/keys' }))
})

t.test('an invalid NATS server address is refused at once, and no part of its login is shown', async t => {
  const shared = { FLEETWIRE_JWT_SECRET: 'x'.repeat(32) }
  const wrong = [
    ...[
      'http://u:secret@a',
      'ws://u:secret@a',
      'nats://u:secret@',
      'nats://u:secret@a:99999',
      'nats://u:secret@a/path',
    ],
    ...['nats://u:sec%ret@a', 'nats://u:secret@:4222', 'nats://u:secret@::1:4222', 'a:b:secret', 'nats://u:sec,ret@a'],
  ]
  for (const text of wrong) {
    const { message } = t.throws(() => loadConfig({ ...shared, FLEETWIRE_NATS_URL: text }), {
      ...{
        code: 'FLW_ERR_CONFIG_INVALID',
        message: /FLEETWIRE_NATS_URL.* must be the address of a NATS server, such as/,
      },
    }) as Error
    t.notMatch(message, /secret|sec%|ret@/, text)
  }
  const second = { ...shared, FLEETWIRE_NATS_URL: 'nats://a,b:c:d' }
  t.throws(() => loadConfig(second), { message: /FLEETWIRE_NATS_URL\/1 must be/ })
  for (const FLEETWIRE_NATS_MONITOR_URL of ['nats://a:8222', 'a:8222', 'http://:8222']) {
    const env = { ...shared, FLEETWIRE_NATS_URL: 'a', FLEETWIRE_NATS_MONITOR_URL }
    t.throws(() => loadConfig(env), { message: /NATS_MONITOR_URL must list .*http:/ })
  }
  for (const [own, other] of ['CERT', 'KEY'].map((own, n) => [own, ['KEY', 'CERT'][n]])) {
    const env = { ...shared, FLEETWIRE_NATS_URL: 'a', [`FLEETWIRE_NATS_${own}`]: '/a.pem' }
    t.throws(() => loadConfig(env), { message: new RegExp(`FLEETWIRE_NATS_${own} needs FLEETWIRE_NATS_${other} too`) })
  }
})

t.test('[CF2] an invalid value is named with its rule', async t => {
  const table: [name: keyof Config, value: string, message: RegExp][] = [
    ['PORT', '70000', /FLEETWIRE_PORT must be <= 65535/],
    ['PORT', 'http', /FLEETWIRE_PORT must be integer/],
    ['LEASE_MS', '0', /FLEETWIRE_LEASE_MS must be >= 1/],
    ['LEASE_MS', '1.5', /FLEETWIRE_LEASE_MS must be integer/],
    ['LOG_LEVEL', 'loud', /FLEETWIRE_LOG_LEVEL must match/],
    ['JWT_SECRET', 'short', /FLEETWIRE_JWT_SECRET must NOT have fewer than 32 characters/],
    ['METRICS_PUBLIC', 'yes', /FLEETWIRE_METRICS_PUBLIC must be boolean/],
    ['TRUST_PROXY', 'somebody', /FLEETWIRE_TRUST_PROXY has the entry "somebody", which is neither an address/],
  ]
  for (const [name, value, message] of table) {
    t.throws(() => loadConfig({ [`FLEETWIRE_${name}`]: value }), { code: 'FLW_ERR_CONFIG_INVALID', message }, name)
  }
})

t.test('[CF3] empty and unrelated variables are ignored', async t => {
  const others = { PORT: '1', FLEETWIRE_PORT: '', fleetwire_host: 'x', FLEETWIRE_URL: 'http://x', XFLEETWIRE_HOST: 'y' }
  const config = loadConfig({ ...others, FLEETWIRE_HOST: undefined })
  t.same(config, loadConfig({}))
})

t.test('[CF4] overrides take precedence over the environment, and follow the same rules', async t => {
  t.equal(loadConfig({ FLEETWIRE_PORT: '1' }, { PORT: 2 }).PORT, 2)
  t.throws(() => loadConfig({}, { PORT: -1 }), { code: 'FLW_ERR_CONFIG_INVALID' })
})

t.test('several wrong settings are reported at once', async t => {
  t.throws(() => loadConfig({ FLEETWIRE_PORT: 'x', FLEETWIRE_LEASE_MS: '0' }), {
    message: 'Configuration: FLEETWIRE_PORT must be integer, FLEETWIRE_LEASE_MS must be >= 1',
  })
})

t.test('the generated check matches the current schema of the configuration', async t => {
  const built = readFileSync(new URL('../../src/generated/config-check.js', import.meta.url), 'utf8')
  t.equal(built, emitConfigCheck(), 'run npm run build')
  t.notMatch(built, /\bFunction\s*\(|\beval\s*\(|\brequire\s*\(|^import/m, 'it stands by itself')
})
