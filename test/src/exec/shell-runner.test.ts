import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentTerminalOptions } from '@fleetwire/client'
import type { CommandOutcome } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { dir, start, survivors } from '../../helpers/shell-command.ts'
import { size } from '../../helpers/sizes.ts'

const quick = { termAfterMs: 100, killAfterMs: 100, hangupMs: 100 }
/** Far more than is buffered for a reader. */
const SLOWLY_READ = size('SLOWLY_READ_BYTES', { quick: 1024 * 1024, full: 4 * 1024 * 1024 })
const LAST_OUTPUTS = size('LAST_OUTPUTS', { quick: 8, full: 20 })
const nobodyIsLeft = (t: Test, commandId: string) => t.same(survivors(commandId), [], 'no process is left')

t.test('a result has the output, the exit code and the error', async t => {
  const cases: [string, Partial<CommandOutcome>][] = [
    ['echo hello', { status: 'succeeded', output: 'hello\n', exitCode: 0 }],
    ['printf "a\\nb"; exit 3', { status: 'failed', output: 'a\nb', exitCode: 3, error: 'exit code 3' }],
    ['kill -9 $$', { status: 'failed', exitCode: 137, error: 'exit code 137 (SIGKILL)' }],
    ['sh -c "kill -TERM \\$\\$"; exit $?', { status: 'failed', exitCode: 143, error: 'exit code 143 (SIGTERM)' }],
    ['no-such-program', { status: 'failed', exitCode: 127, error: 'exit code 127' }],
    ['echo one\r\necho two\r\n', { status: 'succeeded', output: 'one\ntwo\n' }],
    ['', { status: 'succeeded', output: '' }],
    ['printf "\\033[1;31mred\\033[0m \\033]0;title\\007end"', { output: 'red end' }],
    ['test -t 0 && test -t 1 && test -t 2 && tty | grep -o pts', { output: 'pts\n' }],
    ['echo "[$FLEETWIRE_TOKEN] $TERM $PWD"', { output: `[] xterm-256color ${dir}\n` }],
    ['stty size', { output: '24 80\n' }],
  ]
  for (const [line, expected] of cases) {
    const command = start(line)
    t.match(await command.outcome, expected, line)
    nobodyIsLeft(t, command.commandId)
  }
})

t.test('a command that cannot be run fails with a reason', async t => {
  for (const input of [undefined, null, 5, ['ls'], { line: 'ls' }, 'a\0b']) {
    t.match(await start(input).outcome, {
      status: 'failed',
      error: { code: 'invalid_input', message: /^invalid input/ },
    })
  }
  t.match(await start('ls', { shell: '/nope/sh' }).outcome, {
    status: 'failed',
    error: { code: 'spawn_failed', message: /\/nope\/sh/ },
  })
  t.match(await start('ls', { shell: 'no-such-shell' }).outcome, { status: 'failed', error: { code: 'spawn_failed' } })
  t.match(await start('ls', { shell: dir }).outcome, { status: 'failed', error: { code: 'spawn_failed' } })
  t.match(await start('ls', { cwd: join(dir, 'nope') }).outcome, {
    status: 'failed',
    error: { code: 'spawn_failed', message: /nope/ },
  })
  t.match(await start('echo $0', { shell: 'sh' }).outcome, { status: 'succeeded' }, 'a shell given by name')
})

t.test('the last output before the exit is never lost', async t => {
  for (let i = 0; i < LAST_OUTPUTS; i++) {
    const command = start(`head -c 200000 /dev/zero | tr '\\0' x; printf 'the end %s' ${i}`)
    await command.outcome
    t.equal(command.text(), `${'x'.repeat(200_000)}the end ${i}`)
  }
})

t.test('5 MiB of output arrive complete, and the result holds the end', async t => {
  const size = 5 * 1024 * 1024
  const command = start(`yes 0123456789abcde | head -c ${size}`)
  const { output } = await command.outcome
  // The terminal writes each line ending as two bytes.
  t.equal(Buffer.byteLength(command.text()), size + size / 16)
  t.equal(command.text(), '0123456789abcde\r\n'.repeat(size / 16))
  t.match(output, /^(0123456789abcde\n)+$/, 'whole lines')
  t.ok(String(output).length > 60_000 && String(output).length <= 65_536)
})

t.test('a slow reader slows down the program, and little is buffered at any time', async t => {
  let bytes = 0
  let [pending, pendingBytes] = [0, 0]
  let [most, mostBytes] = [0, 0]
  const command = start(`head -c ${SLOWLY_READ} /dev/zero`, {
    write: chunk => {
      bytes += chunk.length
      most = Math.max(most, ++pending)
      pendingBytes += chunk.length
      mostBytes = Math.max(mostBytes, pendingBytes)
      // Long enough for more writes to arrive, if they were allowed.
      return new Promise(resolve =>
        setTimeout(() => {
          pending--
          pendingBytes -= chunk.length
          resolve()
        }, 5),
      )
    },
  })
  t.match(await command.outcome, { status: 'succeeded' })
  t.equal(bytes, SLOWLY_READ)
  // At the end, the up to 64 KiB that the kernel holds arrive all at once.
  t.ok(most < 30, `at most ${most} writes were under way`)
  t.ok(mostBytes < 256 * 1024, `at most ${mostBytes} bytes were buffered`)
})

t.test(
  'a reader that never continues stops the program, which can be interrupted, and loses nothing already read',
  async t => {
    let stopped!: () => void
    const full = new Promise<void>(resolve => {
      stopped = resolve
    })
    let bytes = 0
    const command = start('yes', {
      ...quick,
      write: chunk => {
        bytes += chunk.length
        stopped()
        return new Promise<void>(() => {})
      },
    })
    await full
    command.interrupt.abort()
    t.match(await command.outcome, { status: 'cancelled' })
    t.ok(bytes < 4 * 1024 * 1024, `${bytes} bytes`)
    nobodyIsLeft(t, command.commandId)
  },
)

t.test('output that is not UTF-8 and split characters arrive unchanged', async t => {
  t.match(await start("printf 'a\\377\\376b'").outcome, { output: 'a\ufffd\ufffdb' })
  const command = start("i=0; while [ $i -lt 20000 ]; do printf '🙂é'; i=$((i+1)); done")
  const { output } = await command.outcome
  t.equal(command.text(), '🙂é'.repeat(20_000))
  t.match(output, /^é?(🙂é)+$/u, 'the cut is between characters')
})

t.test('an interrupt ends a sleep without waiting for the later signals, whenever it comes', async t => {
  // If the first signal were not enough, the test would time out.
  const never = { termAfterMs: 3_600_000, killAfterMs: 3_600_000 }
  for (let i = 0; i < 20; i++) {
    const command = start('echo started; sleep 600; echo not reached', never)
    await command.printed(/started/)
    command.interrupt.abort()
    t.match(await command.outcome, { status: 'cancelled', output: 'started\n', exitCode: 130 })
    t.same(command.exit(), { exitCode: 130 })
    nobodyIsLeft(t, command.commandId)
  }
})

t.test('no process of a command survives an interrupt', async t => {
  const lines = {
    'children in the background': 'sleep 600 & sleep 600 & echo started; wait',
    grandchildren: 'sh -c "sh -c \\"sleep 600\\" & sleep 600" & echo started; wait',
    'whoever ignores signals': "trap '' INT TERM HUP; echo started; sleep 600; sleep 600",
    'children that ignore signals': `sh -c "trap '' INT TERM HUP; sleep 600; sleep 600" & echo started; wait`,
    'groups of their own': 'timeout 600 sleep 600 & echo started; wait',
    'whoever was stopped': 'sleep 600 & kill -STOP $!; echo started; wait',
    'a shell that stays': "trap 'echo no' INT; echo started; while :; do sleep 600; done",
    'nohup and &': 'nohup sleep 600 >/dev/null 2>&1 & echo started; wait',
  }
  for (const [name, line] of Object.entries(lines)) {
    const command = start(line, quick)
    await command.printed(/started/)
    t.not(survivors(command.commandId).length, 0)
    command.interrupt.abort()
    t.match(await command.outcome, { status: 'cancelled' }, name)
    nobodyIsLeft(t, command.commandId)
  }
})

t.test('a program that exits by itself after an interrupt gets time to do so', async t => {
  const command = start("trap 'echo bye; exit 0' INT; echo started; while :; do sleep 0.05; done")
  await command.printed(/started/)
  command.interrupt.abort()
  t.match(await command.outcome, { status: 'cancelled', exitCode: 0, output: /started\n(.*\n)*bye\n/ })
})

t.test('a forced interrupt kills at once', async t => {
  const command = start("trap '' INT TERM; echo started; sleep 600; sleep 600")
  await command.printed(/started/)
  command.interrupt.abort()
  command.force.abort()
  t.match(await command.outcome, { status: 'cancelled', exitCode: 137 })
  nobodyIsLeft(t, command.commandId)
})

t.test('a command can be interrupted as soon as it starts, and before', async t => {
  for (let i = 0; i < 10; i++) {
    const command = start('sleep 600', quick)
    setImmediate(() => command.interrupt.abort())
    t.match(await command.outcome, { status: 'cancelled' })
    nobodyIsLeft(t, command.commandId)
  }
  const command = start('touch ran')
  command.interrupt.abort()
  t.same(await command.outcome, { status: 'cancelled' })
  t.notOk(readdirSync(dir).includes('ran'))
})

t.test('an interrupt after the end changes nothing', async t => {
  const command = start('echo done')
  t.match(await command.outcome, { status: 'succeeded' })
  command.interrupt.abort()
  command.force.abort()
  t.match(await command.outcome, { status: 'succeeded' })
})

t.test('processes that the shell leaves behind end with it, unless they left the session', async t => {
  const kept = start('sleep 600 & nohup sleep 600 >/dev/null 2>&1 & echo ok', quick)
  t.match(await kept.outcome, { status: 'succeeded', output: /ok\n$/ })
  nobodyIsLeft(t, kept.commandId)

  const left = start(
    "setsid sh -c ': >left; exec sleep 600' >/dev/null 2>&1 & until [ -e left ]; do sleep 0.02; done; echo ok",
  )
  t.match(await left.outcome, { status: 'succeeded', output: 'ok\n' })
  const pids = survivors(left.commandId)
  t.equal(pids.length, 1)
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
})

t.test('a process that left the session and writes endlessly does not delay the result', async t => {
  const command = start("setsid sh -c ': >wrote; exec yes' & until [ -e wrote ]; do sleep 0.02; done; echo ok")
  t.match(await command.outcome, { status: 'succeeded' })
  for (const pid of survivors(command.commandId)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {}
  }
})

t.test('a terminal forwards keys and sizes', async t => {
  const command = start('read name; echo "hello $name"; stty size; read wait; stty size')
  const terminal = await opened(command)
  terminal.onInput?.('wörld\r')
  await command.printed(/24 80/)
  terminal.onResize?.({ cols: 100, rows: 40 })
  terminal.onInput?.('\r')
  t.match(await command.outcome, { status: 'succeeded', output: /hello wörld\n24 80\n\n40 100\n$/ })
  t.same(
    command.sizes,
    [
      [80, 24],
      [100, 40],
    ],
    'viewers are notified',
  )
  terminal.onInput?.('late')
  terminal.onResize?.({ cols: 10, rows: 10 })
})

async function opened(command: ReturnType<typeof start>): Promise<AgentTerminalOptions> {
  for (;;) {
    const terminal = command.terminal()
    if (terminal) return terminal
    await new Promise(resolve => setImmediate(resolve))
  }
}
