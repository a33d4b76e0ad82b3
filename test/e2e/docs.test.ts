import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { SECRET } from '../helpers/build.ts'
import { emptyFolder, run, startForCli } from '../helpers/cli.ts'
import { size, some } from '../helpers/sizes.ts'
import { blocks, files, read, root } from '../house/repository.ts'

const bin = fileURLToPath(new URL('bin', root))

test('the shell commands in the docs', { timeout: 240_000 }, async t => {
  // A server with an agent that acts as its local one, and a shell with its address, its token and its signing secret.
  const dataDir = t.testdir()
  const { url, admin, agent } = await startForCli(t, { DATA_DIR: dataDir })
  await agent('local')
  const known = {
    FLEETWIRE_URL: url,
    FLEETWIRE_TOKEN: admin,
    FLEETWIRE_DATA_DIR: dataDir,
    FLEETWIRE_JWT_SECRET: SECRET,
  }
  const env = { ...known, PATH: `${bin}:${process.env.PATH}`, HOME: dataDir }
  const bash = async (script: string, cwd: string) => {
    const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [shell.stdout, shell.stderr]) stream.on('data', chunk => (output += chunk))
    const [code] = await once(shell, 'close')
    return { code: code as number | null, output }
  }

  t.test('the shell commands of every page under docs/ work', async t => {
    const pages = files
      // docs/cluster.md has its own servers: test/cluster/by-hand.test.ts.
      .filter(path => /^docs\/[\w-]+\.md$/.test(path) && path !== 'docs/cluster.md')
      .map(path => [path, blocks(read(path), 'sh').join('\n')] as const)
      .filter(([, script]) => script !== '')
    // Each command is a process, and starting it is most of the cost. What the command does has its own tests.
    const commands = (script: string) => script.match(/\bfleetwire [a-z]/g)?.length ?? 0
    const most = size('DOC_COMMANDS_OF_A_PAGE', { quick: 1, full: 1000 })
    const tried = pages.filter(([, script]) => commands(script) <= most)
    t.ok(tried.length >= 8)
    for (const [page, script] of tried) {
      const { code, output } = await bash(script, await emptyFolder(t))
      t.equal(code, 0, page, { diagnostic: code !== 0, output })
    }
  })

  t.test('the commands under "The first minute" in the README work', async t => {
    const [install, first, ...more] = blocks(/^## The first minute$(.*?)^## /ms.exec(read('README.md'))![1]!, 'sh')
    t.equal(install, 'npm start\n', "which is what this test's server does, with a build before it")
    // Done by the reader: exporting the token, and passing the id that one command prints to the next.
    const script = [first, ...more]
      .join('\n')
      .replace(/^export FLEETWIRE_TOKEN=.*$/m, '')
      .replaceAll('http://127.0.0.1:3000', url)
      .replace(/^(bin\/fleetwire send local 'sleep 600').*$/m, 'id=$($1)')
      .replaceAll('cmd_…', '"$id"')
    const { code, output } = await bash(script, fileURLToPath(root))
    t.equal(code, 0, output)
    t.match(output, /"output":"hello\\n?(\\r\\n)?done/)
    t.match(output, /interrupting/)
    t.match(output, /local +online/)
  })
})

test('docs/cli.md lists every command with every option, and no others', async t => {
  const page = read('docs/cli.md')
  const sections = page.split(/^## /m).slice(1)
  for (const section of some('DOC_COMMANDS', 6, sections)) {
    const command = section.split('\n')[0]!
    const help = (await run(t, [...command.split(' '), '--help'])).stdout
    const offered = [...help.matchAll(/^ {2}(--[\w-]+(?: <[^>]+>)?)/gm)].map(([, option]) => option)
    const told = [...section.matchAll(/^\| `(--[^`]+)`/gm)].map(([, option]) => option)
    t.same(told, offered, command)
  }
  const { stdout } = await run(t, ['--help'])
  const commands = [...stdout.matchAll(/^ {2}([\w-]+) (?:\[|.* {2})/gm)].map(([, name]) => name!)
  const named = sections.map(section => /^[\w-]+/.exec(section)![0])
  t.same(
    [...new Set(named)],
    commands.filter(name => name !== 'help'),
  )
  const codes = [...stdout.matchAll(/(\d+) [a-z]/g)].map(([, code]) => code)
  t.same(
    [...page.matchAll(/^\| (\d+) /gm)].map(([, code]) => code),
    codes,
  )
})
