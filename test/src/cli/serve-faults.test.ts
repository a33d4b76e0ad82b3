import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'tap'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import { fleetwire } from '../../helpers/processes.ts'

test('[CF2] an unusable setting ends the process with one line, whichever it is and however far the start got', async t => {
  const cwd = await emptyFolder(t)
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
  // The folder that they left is one to start in.
  const running = fleetwire(t, ['serve', '--port', '0'], { FLEETWIRE_JWT_SECERT: 'hush' }, cwd)
  await running.printed(/listens at/)
  t.match(running.output(), /FLEETWIRE_JWT_SECERT is no setting: did you mean FLEETWIRE_JWT_SECRET\?/, '[CF5]')
  t.notMatch(running.output(), 'hush')
})

test('an unusable secret file ends the process too', async t => {
  const cwd = await emptyFolder(t)
  await mkdir(`${cwd}/data`)
  await writeFile(`${cwd}/data/secret`, 'short')
  const { code, stderr } = await fleetwire(t, ['serve', '--port', '0'], {}, cwd).ended
  t.match({ code, stderr }, { code: 1, stderr: /^fleetwire: The token secret .* holds 5 characters.*\n$/ })
})
