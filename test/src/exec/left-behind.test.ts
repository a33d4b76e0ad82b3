import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isInstalled } from '../../helpers/programs.ts'
import { dir, start, survivors } from '../../helpers/shell-command.ts'
import { size } from '../../helpers/sizes.ts'
import { until } from '../../helpers/until.ts'

const linux = process.platform === 'linux' ? {} : { skip: 'only Linux shows which processes are in a session' }
const quick = { hangupMs: 100 }
function endAll(commandId: string): void {
  for (const pid of survivors(commandId)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {}
  }
}

t.test('processes that a command leaves behind are ended, and its result says so', linux, async t => {
  const cases: [line: string, detail: string | undefined][] = [
    ['sleep 60 &', '1 process was ended: sleep'],
    ['nohup sleep 60 >/dev/null 2>&1 &', '1 process was ended: sleep'],
    ['nohup sleep 60 & disown 2>/dev/null; true', '1 process was ended: sleep'],
    ['(sleep 60 &)', '1 process was ended: sleep'],
    ['((sleep 60 &) &)', '1 process was ended: sleep'],
    ['sleep 60 & sleep 61 &', '2 processes were ended: sleep'],
    [
      `sleep 60 & '${process.execPath}' -e 'setInterval(() => {}, 1000)' & sleep 0.5`,
      '2 processes were ended: node, sleep',
    ],
    ['(trap "" HUP; exec sleep 60) &', '1 process was ended: sleep'],
    ['timeout 60 sleep 50 &', '2 processes were ended: sleep, timeout'],
    ['sleep 0.02 &', undefined],
    ['echo done', undefined],
    ['yes | head -1', undefined],
  ]
  for (const [line, detail] of cases) {
    const command = start(line, quick)
    const outcome = await command.outcome
    t.match(outcome, { status: 'succeeded' }, line)
    t.equal(outcome.detail, detail, line)
    t.same(survivors(command.commandId), [], 'no process is left')
  }
})

t.test('no process escapes by forking and exiting at once', linux, async t => {
  // Each shell starts the next and exits: a scan may see the exiting shell, but not yet its child.
  const line = `${'( '.repeat(8)}sleep 60 &${' ) &'.repeat(7)} )`
  for (let i = 0; i < TIMES; i++) {
    const command = start(line, quick)
    t.match(await command.outcome, { status: 'succeeded', detail: '1 process was ended: sleep' })
    t.same(survivors(command.commandId), [], 'no process is left')
  }
})

t.test('an interrupt ends running processes without reporting them as left behind', linux, async t => {
  const command = start('sleep 60 & echo up; sleep 61', quick)
  await command.printed(/up/)
  command.interrupt.abort()
  t.match(await command.outcome, { status: 'cancelled', detail: undefined })
})

/** In a full run, more than an ordinary machine has cores: each keeps one busy until the test ends. */
const BUSY = size('BUSY', { quick: 0, full: 6 })
const TIMES = size('LEAVE_TIMES', { quick: 5, full: 20 })

function load(t: Test): void {
  for (let i = 0; i < BUSY; i++) {
    const busy = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
    t.teardown(() => busy.kill('SIGKILL'))
  }
}

t.test('setsid leaves a program running each time, even on a busy machine', linux, async t => {
  load(t)
  for (let i = 0; i < TIMES; i++) {
    const command = start('setsid sleep 60 >/dev/null 2>&1 </dev/null &', quick)
    t.match(await command.outcome, { status: 'succeeded', detail: undefined })
    t.equal(survivors(command.commandId).length, 1, 'it is running')
    endAll(command.commandId)
  }
})

t.test('other ways of leaving the session leave a program running as well', linux, async t => {
  load(t)
  const forks = 'import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: time.sleep(60)\n  os._exit(0)'
  const lines: [line: string, needs: string][] = [
    ['(setsid sleep 60 &)', 'setsid'],
    ['nohup setsid sleep 60 >/dev/null 2>&1 &', 'setsid'],
    ['setsid -f sleep 60', 'setsid'],
    ['setsid sh -c "sleep 60; :" & disown 2>/dev/null; true', 'setsid'],
    [`python3 -c '${forks}'`, 'python3'],
    [`python3 -c '${forks}' &`, 'python3'],
    [
      `'${process.execPath}' -e 'require("child_process").spawn("sleep", ["60"], { detached: true, stdio: "ignore" }).unref()'`,
      'sh',
    ],
    [`tmux -S ${join(dir, 'tmux')} new -d "sleep 60"`, 'tmux'],
    ['screen -dm sleep 60', 'screen'],
  ]
  for (const [line, needs] of lines) {
    if (!isInstalled(t, needs)) continue
    const command = start(line, quick)
    t.match(await command.outcome, { status: 'succeeded', detail: undefined }, line)
    t.ok(survivors(command.commandId).length > 0, line)
    endAll(command.commandId)
  }
})

t.test('a program that was left running continues to write its output file', linux, async t => {
  const file = join(dir, 'left.log')
  const command = start(`setsid sh -c 'while :; do echo alive; sleep 0.05; done' >${file} 2>&1 </dev/null &`, quick)
  t.match(await command.outcome, { status: 'succeeded', detail: undefined })
  const written = () => (existsSync(file) ? readFileSync(file).length : 0)
  const before = written()
  await until(() => written() > before)
  endAll(command.commandId)
  t.pass('it still writes')
})
