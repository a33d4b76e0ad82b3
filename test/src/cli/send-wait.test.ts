import type { Command } from '@fleetwire/protocol'
import t, { test } from 'tap'
import { startForCli } from '../../helpers/cli.ts'

const { start, startHere, run, call, admin, agent, inStatus } = await startForCli(t)
await agent('a1', {
  prompt: async () => ({ status: 'succeeded', output: 'an answer' }),
  broken: async () => {
    throw new Error('no such model')
  },
})

const pick = ({ code, stdout, stderr }: { code: number | null; stdout: string; stderr: string }) => [
  code,
  stdout,
  stderr,
]

test('send --wait streams the output and exits like the command', async t => {
  t.strictSame(pick(await run(['send', 'a1', '--wait', 'echo one; sleep 0.2; echo two'])), [0, 'one\ntwo\n', ''])
  const failed = await run(['send', 'a1', '--wait', 'printf x; exit 7'])
  t.match(pick(failed), [7, 'x', /^fleetwire: cmd_\w+ failed: exit code 7\n$/])
  t.match(await run(['send', 'a1', '--wait', '--timeout', '100ms', 'sleep 600']), { code: 124, stderr: /timed_out/ })
  t.strictSame(pick(await run(['send', 'a1', '--wait', '--kind', 'prompt', 'anything?'])), [0, 'an answer\n', ''])
  t.match(await run(['send', 'a1', '--wait', '--kind', 'broken', 'x']), { code: 1, stderr: /failed: no such model/ })
  t.match(await run(['send', 'a1', '--wait', '--kind', 'odd', 'x']), {
    code: 1,
    stderr: /rejected: This agent accepts commands of kind "shell", .*, not "odd"/,
  })
  const json = await run(['send', 'a1', '--wait', '--json', 'echo one; exit 3'])
  t.equal(json.code, 3)
  t.match(JSON.parse(json.stdout), { status: 'failed', exitCode: 3, output: 'one\n' })
})

test('every byte of the output is printed once, however late the terminal was joined', async t => {
  const { stdout } = await run([
    'send',
    'a1',
    '--wait',
    'seq 5000; printf "\\033[31mred 🙂\\033[0m"; seq 5000; printf end',
  ])
  const numbers = Array.from({ length: 5000 }, (_, i) => `${i + 1}\n`).join('')
  t.ok(stdout === `${numbers}\x1b[31mred 🙂\x1b[0m${numbers}end`, 'unchanged')
})

test('Ctrl-C during send --wait interrupts the command, shows its last output and exits with 130', async t => {
  const sent = start(['send', 'a1', '--wait', 'trap "echo bye; exit 9" INT; echo ready; while :; do sleep 0.05; done'])
  await sent.printed(/ready/)
  sent.child.kill('SIGINT')
  const { code, stdout, stderr } = await sent.ended
  t.equal(code, 130)
  t.match(stdout, /ready\n(\^C)?bye\n$/)
  t.match(stderr, /cancelled/)
})

test('a command that another user interrupts exits with 130 as well', async t => {
  const running = inStatus('a1', 'running')
  const sent = startHere(['send', 'a1', '--wait', 'sleep 600'])
  const { commandId } = await running
  await run(['interrupt', commandId])
  t.match(await sent.ended, { code: 130, stderr: `fleetwire: ${commandId} cancelled: interrupted\n` })
  const { body } = await call<Command>(admin, 'GET', `/api/v1/commands/${commandId}`)
  t.match(body, { status: 'cancelled', confirmed: true })
})
