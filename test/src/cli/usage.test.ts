import { test } from 'tap'
import { run, startForCli } from '../../helpers/cli.ts'
import { freePort } from '../../helpers/processes.ts'

const COMMANDS = [['serve'], ['token'], ['agent', 'exec'], ['ps'], ['send'], ['interrupt'], ['tail'], ['attach']]

test('--help and --version are no errors', async t => {
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
  t.match(await run(t, ['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
})

test('wrong usage is told in words and ends with 2, before anything is asked of a server', async t => {
  const wrong: [args: string[], told: RegExp][] = [
    [[], /Usage: fleetwire/],
    [['nope'], /unknown command 'nope'/],
    [['ps', '--nope'], /unknown option '--nope'/],
    [['ps', '--status', 'asleep'], /Allowed choices are online, offline, error/],
    [['agent'], /Usage: fleetwire agent/],
    [['agent', 'exec'], /--id/],
    [['agent', 'exec', '--id', 'a b'], /Letters, digits/],
    [['agent', 'exec', '--id', 'a', '--label', 'x'], /key=value/],
    [['agent', 'exec', '--id', 'a', '--concurrency', '0'], /whole number from 1 on/],
    [['send', 'a'], /missing required argument 'input'/],
    [['send', 'a', '-la'], /unknown option '-la'/],
    [['send', 'a', 'x', '--priority', 'high'], /Not a whole number/],
    [['send', 'a', 'x', '--timeout', 'soon'], /90s, 15m, 12h or 30d/],
    [['interrupt'], /missing required argument 'commandId'/],
    [['tail', 'agents..x'], /Tokens are joined by dots/],
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
  for (const args of [['ps'], ['send', 'a', 'x'], ['interrupt', 'c'], ['tail'], ['token', '--role', 'viewer']]) {
    const { code, stderr } = await run(t, args, env)
    t.equal(code, 3, args.join(' '))
    t.match(stderr, /^fleetwire: No Fleetwire server answers at http:\S+ \(.*ECONNREFUSED.*\). Start one with: .*\n$/)
  }
})

test('a token that is wrong, missing or too weak ends with 4', async t => {
  const { run: runHere, as } = await startForCli(t)
  for (const args of [['ps'], ['send', 'a', 'x'], ['interrupt', 'c'], ['tail'], ['token', '--role', 'viewer']]) {
    t.match(await runHere(args, { FLEETWIRE_TOKEN: 'x' }), { code: 4, stderr: /401/ }, args.join(' '))
    t.match(await runHere(args, { FLEETWIRE_TOKEN: '' }), { code: 4, stderr: /Set FLEETWIRE_TOKEN/ }, args.join(' '))
  }
  const viewer = await as('viewer')
  t.match(await runHere(['send', 'a', 'x'], viewer), { code: 4, stderr: /403/ })
  t.match(await runHere(['token', '--role', 'viewer'], viewer), { code: 4, stderr: /403/ })
  t.match(await runHere(['tail', 'users.somebody.inbox'], viewer), { code: 4, stderr: /users\.somebody\.inbox/ })
})
