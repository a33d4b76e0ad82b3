import t from 'tap'
import { environmentWarnings, loadConfig } from '../../src/config.ts'
import { clientVariables } from '../../src/environment.ts'
import { files, isTest, read } from '../house/repository.ts'

t.test('[CF5] an unknown variable causes a warning with the nearest name, but without its value', async t => {
  const table: [variable: string, hint: string][] = [
    ['JWT_SECERT', 'did you mean FLEETWIRE_JWT_SECRET?'],
    ['SECRET', 'did you mean FLEETWIRE_JWT_SECRET?'],
    ['LOGLEVEL', 'did you mean FLEETWIRE_LOG_LEVEL?'],
    ['ALLOWED_ORIGIN', 'did you mean FLEETWIRE_ALLOWED_ORIGINS?'],
    ['DATADIR', 'did you mean FLEETWIRE_DATA_DIR?'],
    ['JWKS_URI', 'did you mean FLEETWIRE_JWKS_URL?'],
    ['TOKN', 'did you mean FLEETWIRE_TOKEN?'],
    ['SOMETHING_ELSE_ENTIRELY', 'see docs/configuration.md'],
  ]
  for (const [name, hint] of table) {
    const warnings = environmentWarnings({ [`FLEETWIRE_${name}`]: 'hush-hush' })
    t.same(warnings, [`FLEETWIRE_${name} is not a setting; ${hint}`])
  }
  t.same(environmentWarnings({ FLEETWIRE_JWT_SECERT: '', FLEETWIRE_PORT: '1', JWT_SECERT: 'x' }), [])
})

t.test('[CF5] every variable that the sources read is known', async t => {
  const sources = files.filter(file => /^(src|bin|plugins|routes|packages\/\w+\/src)\//.test(file) && !isTest(file))
  const named = new Set(sources.flatMap(file => read(file).match(/\bFLEETWIRE_[A-Z][A-Z_]+[A-Z]\b/g) ?? []))
  t.ok(named.has('FLEETWIRE_URL'))
  // These are only mentioned in a comment.
  const links = ['FLEETWIRE_SERVICE_HOST', 'FLEETWIRE_UI_PORT']
  for (const name of links) named.delete(name)
  t.same(environmentWarnings(Object.fromEntries([...named].map(name => [name, 'x']))), [])
  t.same(environmentWarnings(Object.fromEntries(clientVariables.map(name => [`FLEETWIRE_${name}`, 'x']))), [])
})

t.test(
  '[CF6] variables that Kubernetes sets for a Service named fleetwire are ignored, with one line in the log',
  async t => {
    const env = {
      FLEETWIRE_PORT: 'tcp://10.0.0.1:3000',
      FLEETWIRE_SERVICE_HOST: '10.0.0.1',
      FLEETWIRE_SERVICE_PORT: '3000',
      FLEETWIRE_SERVICE_PORT_HTTP: '3000',
      FLEETWIRE_PORT_3000_TCP: 'tcp://10.0.0.1:3000',
      FLEETWIRE_PORT_3000_TCP_PROTO: 'tcp',
      FLEETWIRE_PORT_3000_TCP_PORT: '3000',
      FLEETWIRE_PORT_3000_TCP_ADDR: '10.0.0.1',
      FLEETWIRE_WEB_UI_PORT: 'tcp://[fd00::1]:80',
      FLEETWIRE_WEB_UI_SERVICE_HOST: 'fd00::1',
      FLEETWIRE_WEB_UI_PORT_53_UDP_ADDR: 'fd00::1',
    }
    t.equal(loadConfig(env).PORT, 3000)
    const warnings = environmentWarnings(env)
    t.equal(warnings.length, 1)
    for (const variable of Object.keys(env)) t.match(warnings[0], variable)
    t.match(warnings[0], /enableServiceLinks/)
    t.equal(loadConfig({ ...env, FLEETWIRE_PORT: '8080' }).PORT, 8080)
    t.throws(() => loadConfig({ FLEETWIRE_PORT: 'http://10.0.0.1:3000' }), { code: 'FLW_ERR_CONFIG_INVALID' })
  },
)

t.test('[CF3] line breaks and whitespace around a value are ignored', async t => {
  const config = loadConfig({
    FLEETWIRE_JWT_SECRET: `${'s'.repeat(32)}\r\n`,
    FLEETWIRE_PORT: ' 8080\n',
    FLEETWIRE_HOST: ' \n',
  })
  t.match(config, { JWT_SECRET: 's'.repeat(32), PORT: 8080, HOST: '127.0.0.1' })
  t.throws(() => loadConfig({ FLEETWIRE_JWT_SECRET: `${'s'.repeat(31)}\n` }), { code: 'FLW_ERR_CONFIG_INVALID' })
})

t.test('[CF1] lists are read from comma-separated text, from JSON, or from arrays in code', async t => {
  const audience = (text: string) => loadConfig({ FLEETWIRE_JWT_AUDIENCE: text }).JWT_AUDIENCE
  t.same(audience('fleet'), ['fleet'])
  t.same(audience(' api://fleet ,https://b.example/ '), ['api://fleet', 'https://b.example/'])
  t.same(audience('["a","b"]'), ['a', 'b'])
  t.same(audience('7'), ['7'])
  t.same(loadConfig({}, { JWT_AUDIENCE: ['a', 'b'] }).JWT_AUDIENCE, ['a', 'b'])
  t.same(loadConfig({}, { JWT_AUDIENCE: 'a,b' }).JWT_AUDIENCE, ['a', 'b'])
  t.equal(loadConfig({}).JWT_AUDIENCE, undefined)
  for (const text of [',', 'a,,b', '"fleet"', "'a'", 'a b', '[]', '["a", 7, {}]', '["a"']) {
    t.throws(() => audience(text), { code: 'FLW_ERR_CONFIG_INVALID', message: /FLEETWIRE_JWT_AUDIENCE/ }, text)
  }
})
