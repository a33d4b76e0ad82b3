import { mkdir, writeFile } from 'node:fs/promises'
import t, { test } from 'tap'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import { fleetwire } from '../../helpers/processes.ts'

const cwd = await emptyFolder(t)

test('[CF2] an unusable setting ends the process with one line, whichever it is and however far the start got', async t => {
  const table: [env: Record<string, string>, told: string][] = [
    [{ JWT_PUBLIC_KEY: 'no key' }, 'FLEETWIRE_JWT_PUBLIC_KEY'],
    [{ JWKS_URL: 'https://issuer.example/jwks' }, 'FLEETWIRE_JWT_AUDIENCE=any'],
    [{ ALLOWED_ORIGINS: 'app.example' }, 'FLEETWIRE_ALLOWED_ORIGINS.*write https://app.example'],
    [{ PORT: '70000' }, 'FLEETWIRE_PORT'],
  ]
  for (const [env, told] of table) {
    const variables = Object.fromEntries(Object.entries(env).map(([name, value]) => [`FLEETWIRE_${name}`, value]))
    const given = { FLEETWIRE_PORT: '0', ...variables }
    const { code, stderr } = await fleetwireHere(t, ['serve'], { env: given, folder: cwd }).ended
    t.equal(code, 1, told)
    t.match(stderr, new RegExp(`^fleetwire: Configuration: .*${told}.*\\n$`))
  }
})

test('a server responds as soon as it listens, and closes if told to at that moment', async t => {
  // In the folder that the failed starts above have left. An unknown setting is reported, but does not prevent the
  // start.
  const server = fleetwire(t, ['serve', '--port', '0'], { FLEETWIRE_JWT_SECERT: 'hush' }, cwd)
  const [, url] = await server.printed(/Fleetwire listens at (\S+)/)
  const answers = await Promise.all(['/health', '/ready', '/api/v1/agents'].map(path => fetch(`${url}${path}`)))
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 401],
  )
  await server.kill('SIGTERM')
  t.match(server.output(), /"closing"/)
  t.match(server.output(), /FLEETWIRE_JWT_SECERT is not a setting; did you mean FLEETWIRE_JWT_SECRET\?/, '[CF5]')
  t.notMatch(server.output(), 'hush')
})

test('an unusable secret file ends the process too', async t => {
  const folder = await emptyFolder(t)
  await mkdir(`${folder}/data`)
  await writeFile(`${folder}/data/secret`, 'short')
  const { code, stderr } = await fleetwireHere(t, ['serve', '--port', '0'], { env: {}, folder }).ended
  t.match({ code, stderr }, { code: 1, stderr: /^fleetwire: The token secret .* has 5 characters.*\n$/ })
})
