import { spawnSync } from 'node:child_process'
import type { Test } from 'tap'

/** Debian packages whose name differs from the program. */
const packages: Record<string, string> = {
  vi: 'vim-tiny',
  top: 'procps',
  script: 'bsdutils',
  setsid: 'util-linux',
  nginx: 'nginx-light',
  'systemd-analyze': 'systemd',
}

/** Whether a program that a test runs is installed. If not, a comment says how to install it, and CI fails. */
export function isInstalled(t: Test, program: string): boolean {
  if (spawnSync('sh', ['-c', `command -v ${program}`]).status === 0) return true
  const missing = `${program} is not here: apt-get install ${packages[program] ?? program}`
  if (process.env.CI === 'true') t.fail(missing)
  else t.comment(missing)
  return false
}
