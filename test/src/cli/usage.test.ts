import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Help } from 'commander'
import { test } from 'tap'
import { agentCommand } from '../../../src/cli/agent.ts'
import { attachCommand } from '../../../src/cli/attach.ts'
import { backupCommand } from '../../../src/cli/backup.ts'
import { clusterCommand } from '../../../src/cli/cluster.ts'
import { demoCommand } from '../../../src/cli/demo.ts'
import { hooksCommand } from '../../../src/cli/hooks.ts'
import { interruptCommand } from '../../../src/cli/interrupt.ts'
import { loginLinkCommand } from '../../../src/cli/login-link.ts'
import { mcpCommand } from '../../../src/cli/mcp.ts'
import { psCommand } from '../../../src/cli/ps.ts'
import { reportCommand } from '../../../src/cli/report.ts'
import { sendCommand } from '../../../src/cli/send.ts'
import { serveCommand } from '../../../src/cli/serve.ts'
import { type CommandName, summaries } from '../../../src/cli/summaries.ts'
import { tailCommand } from '../../../src/cli/tail.ts'
import { tokenCommand } from '../../../src/cli/token.ts'
import { run, runProcess, startForCli } from '../../helpers/cli.ts'
import { type Ended, freePort } from '../../helpers/processes.ts'

const COMMANDS = [
  ['serve'],
  ['demo'],
  ['cluster'],
  ['token'],
  ['agent', 'exec'],
  ['ps'],
  ['send'],
  ['interrupt'],
  ['tail'],
  ['attach'],
  ['mcp'],
  ['backup'],
]

/** Commands that contact a server at once. */
const REQUESTING = [['ps'], ['send', 'a', 'x'], ['interrupt', 'c'], ['tail'], ['token', '--role', 'viewer']]

test('--help and --version are not errors', async t => {
  const help = await run(t, ['--help'])
  t.match(help, { code: 0, stderr: '' })
  for (const [name] of COMMANDS) t.match(help.stdout, new RegExp(`^ {2}${name} `, 'm'))
  for (const command of COMMANDS) {
    t.match(await run(t, [...command, '--help']), {
      code: 0,
      stderr: '',
      stdout: `Usage: fleetwire ${command.join(' ')}`,
    })
  }
  t.match(await runProcess(t, ['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
})

test('wrong usage is explained and ends with 2, before any request to a server', async t => {
  const wrong: [args: string[], told: RegExp][] = [
    [[], /Usage: fleetwire/],
    [['nope'], /unknown command 'nope'/],
    [['ps', '--nope'], /unknown option '--nope'/],
    [['ps', '--status', 'asleep'], /Allowed choices are online, offline, error/],
    [['demo', '--agents', 'many'], /Not a whole number/],
    [['agent'], /Usage: fleetwire agent/],
    [['agent', 'exec'], /--id/],
    [['agent', 'exec', '--id', 'a b'], /Letters, digits/],
    [['agent', 'exec', '--id', 'a', '--label', 'x'], /key=value/],
    [['agent', 'exec', '--id', 'a', '--concurrency', '0'], /whole number of at least 1/],
    [['send', 'a'], /missing required argument 'input'/],
    [['send', 'a', '-la'], /unknown option '-la'/],
    [['send', 'a', 'x', '--priority', 'high'], /Not a whole number/],
    [['send', 'a', 'x', '--timeout', 'soon'], /90s, 15m, 12h or 30d/],
    [['interrupt'], /missing required argument 'commandId'/],
    [['tail', 'agents..x'], /Tokens are separated by dots/],
    [['token'], /--role/],
    [['token', '--role', 'king'], /Allowed choices are/],
    [['token', '--role', 'agent'], /--sub <agentId>/],
    [['token', '--role', 'viewer', '--ttl', '-1'], /90s, 15m, 12h or 30d/],
    [['serve', '--port', 'abc'], /Not a whole number/],
  ]
  for (const [args, told] of wrong) {
    const { code, stdout, stderr } = await run(t, args, { FLEETWIRE_TOKEN: 'x' })
    t.equal(code, 2, args.join(' '))
    t.match(stderr, told)
    t.notMatch(stderr, /\n {4}at /, 'no stack')
    t.equal(stdout, '')
  }
  t.match(await run(t, ['ps'], { FLEETWIRE_TOKEN: 'x', FLEETWIRE_URL: 'localhost:3000' }), {
    code: 2,
    stderr: /FLEETWIRE_URL is not an http\(s\) URL/,
  })
})

test('without a server each command says so and ends with 3', async t => {
  const env = { FLEETWIRE_URL: `http://127.0.0.1:${await freePort()}`, FLEETWIRE_TOKEN: 'x' }
  for (const args of REQUESTING) {
    const { code, stderr } = await run(t, args, env)
    t.equal(code, 3, args.join(' '))
    t.match(stderr, /^fleetwire: No Fleetwire server answers at http:\S+ \(.*ECONNREFUSED.*\). Start one with: .*\n$/)
  }
})

test('an invalid, missing or too weak token ends with 4', async t => {
  const { run: runHere, as } = await startForCli(t)
  for (const args of REQUESTING) {
    t.match(await runHere(args, { FLEETWIRE_TOKEN: 'x' }), { code: 4, stderr: /401/ }, args.join(' '))
    t.match(await runHere(args, { FLEETWIRE_TOKEN: '' }), { code: 4, stderr: /Set FLEETWIRE_TOKEN/ }, args.join(' '))
  }
  const viewer = await as('viewer')
  t.match(await runHere(['send', 'a', 'x'], viewer), { code: 4, stderr: /403/ })
  t.match(await runHere(['token', '--role', 'viewer'], viewer), { code: 4, stderr: /403/ })
  t.match(await runHere(['tail', 'users.somebody.inbox'], viewer), { code: 4, stderr: /users\.somebody\.inbox/ })
})

test('the list of commands describes each command as its own help does', async t => {
  const program = new Help()
  const modules = [
    serveCommand,
    demoCommand,
    clusterCommand,
    tokenCommand,
    loginLinkCommand,
    agentCommand,
    psCommand,
    sendCommand,
    interruptCommand,
    tailCommand,
    attachCommand,
    mcpCommand,
    reportCommand,
    hooksCommand,
    backupCommand,
  ]
  t.same(
    Object.values(summaries).map(({ usage }) => usage),
    modules.map(command => program.subcommandTerm(command)),
  )
  for (const name of Object.keys(summaries)) {
    t.match((await run(t, ['help', name])).stdout.replace(/\s+/g, ' '), summaries[name as CommandName].says)
  }
})

test('a command loads only what it needs', async t => {
  const ended = new Map<string | undefined, Ended>()
  const loadedBy = async (...args: string[]) => {
    const folder = t.testdir()
    const env = { FLEETWIRE_TOKEN: 'x', FLEETWIRE_URL: 'http://127.0.0.1:9', NODE_V8_COVERAGE: folder }
    ended.set(args[0], await runProcess(t, args, env))
    const reports = (await readdir(folder)).map(name => readFile(join(folder, name), 'utf8'))
    return (await Promise.all(reports)).flatMap(report =>
      (JSON.parse(report).result as { url: string }[]).map(({ url }) => url),
    )
  }
  const version = (await loadedBy('--version')).filter(url => url.startsWith('file:'))
  t.ok(version.length > 1 && version.length < 10, `${version.length} modules print a version`)
  const help = await loadedBy('--help')
  t.ok(help.some(url => url.includes('commander')))
  t.notOk(
    help.some(url => /cli\/(ps|serve|send)\.js$/.test(url)),
    'the list of commands loads none of them',
  )
  const ps = await loadedBy('ps')
  t.ok(ps.some(url => url.endsWith('cli/ps.js')))
  t.match(
    ended.get('ps'),
    { code: 3, stderr: /^fleetwire: No Fleetwire server answers/ },
    'its code is that of the process',
  )
  for (const other of ['fastify', '@sinclair', 'packages/client', 'fast-jwt', 'cli/serve.js', '/ws/']) {
    t.notOk(
      ps.some(url => url.includes(other)),
      `ps does not load ${other}`,
    )
  }
  const attach = await loadedBy('attach', 'a')
  t.ok(attach.some(url => url.includes('packages/client')))
  for (const other of ['fastify', '@sinclair', 'node-pty', 'fast-jwt']) {
    t.notOk(
      attach.some(url => url.includes(other)),
      `attach does not load ${other}`,
    )
  }
})
