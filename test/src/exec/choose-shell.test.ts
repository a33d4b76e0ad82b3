import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Clock, systemClock } from '../../../src/clock.ts'
import { chooseShell } from '../../../src/exec/choose-shell.ts'

const { PATH } = process.env
const folder = mkdtempSync(join(tmpdir(), 'fleetwire-shell-'))

function program(name: string, text: string, mode = 0o755): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

/** Shortens the timeout of the first attempt, which hangs; the next one may be slow on a busy machine. */
function impatientOnce(): Clock {
  let waitMs: number | undefined = 300
  return {
    ...systemClock,
    setTimeout(task, delayMs) {
      const timer = systemClock.setTimeout(task, waitMs ?? delayMs)
      waitMs = undefined
      return timer
    },
  }
}

t.test('a SHELL that cannot run commands is replaced by /bin/sh, with the reason', async t => {
  const cases: [shell: string, reason: RegExp][] = [
    ['/usr/sbin/nologin', /nologin (does not run commands|does not exist)/],
    ['/bin/false', /does not run commands/],
    ['/bin/true', /does not run commands/],
    ['/nope/sh', /does not exist or cannot be run/],
    ['/tmp', /does not exist or cannot be run/],
    [program('not-executable', '#!/bin/sh\n', 0o644), /does not exist or cannot be run/],
    [program('no-interpreter', '#!/nope\n'), /does not run commands/],
    [
      program('fish', '#!/bin/sh\ncase $2 in "exit "*) eval "$2";; *) echo "fish: syntax" >&2; exit 127;; esac\n'),
      /does not run/,
    ],
    [program('hangs', '#!/bin/sh\nread line </dev/tty\n'), /did not run a command within 10 s/],
    [program('hangs-deaf', '#!/bin/sh\ntrap "" HUP INT TERM\nsleep 600 & wait\n'), /did not run a command/],
  ]
  for (const [shell, reason] of cases) {
    const clock = shell.includes('hangs') ? impatientOnce() : systemClock
    t.match(await chooseShell({ env: { PATH, SHELL: shell }, clock }), {
      status: 'ok',
      shell: '/bin/sh',
      instead: reason,
    })
  }
})

t.test('a working SHELL is used', async t => {
  for (const SHELL of ['/bin/sh', '/bin/bash', 'dash', undefined]) {
    t.same(await chooseShell({ env: { PATH, SHELL } }), { status: 'ok', shell: SHELL ?? '/bin/sh' })
  }
  t.match(await chooseShell({ env: { PATH, SHELL: '' } }), { status: 'ok', shell: '/bin/sh' })
  const own = program('own-language', '#!/bin/sh\n[ "$2" = "exit 42" ] && exit 42\nexit 1\n')
  t.match(
    await chooseShell({ wanted: own, env: { PATH } }),
    { shell: own },
    'a custom shell is trusted to be what it is',
  )
})

t.test('an explicitly chosen shell that does not work is not replaced', async t => {
  t.match(await chooseShell({ wanted: '/nope', env: { PATH } }), { status: 'none', message: /\/nope does not exist/ })
  t.match(await chooseShell({ wanted: '/bin/false', env: { PATH } }), { status: 'none', message: /does not run/ })
})
