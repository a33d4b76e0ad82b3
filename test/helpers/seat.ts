import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Pty } from '../../src/exec/pty.ts'
import { Printed } from './printed.ts'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** A user at a terminal: runs a shell line on its own terminal, in which `fleetwire` is the command line. */
export interface Seat {
  type(keys: string): void
  resize(cols: number, rows: number): void
  /** Everything printed so far. */
  text(): string
  /** Resolves when the output matches. */
  shows(pattern: RegExp): Promise<RegExpMatchArray>
  /** The process that the shell is currently running. */
  child(): number
  /** Closes the terminal. */
  leave(): void
}

export function sit(
  t: Test,
  line: string,
  {
    env = {},
    cwd = process.cwd(),
    cols = 90,
    rows = 30,
  }: { env?: Record<string, string>; cwd?: string; cols?: number; rows?: number } = {},
): Seat {
  const printed = new Printed()
  const pty = new Pty({
    file: '/bin/sh',
    args: ['-c', `fleetwire() { "$NODE" "$MAIN" "$@"; }; ${line}`],
    env: {
      PATH: process.env.PATH ?? '',
      TERM: 'xterm-256color',
      NODE: process.execPath,
      MAIN: main,
      HOME: cwd,
      ...env,
    },
    ...{ cwd, cols, rows },
    onData: bytes => {
      printed.add(bytes)
    },
  })
  t.teardown(() => {
    pty.close()
    try {
      process.kill(pty.pid, 'SIGKILL')
    } catch {}
  })
  return {
    type: keys => pty.write(keys),
    resize: (cols, rows) => pty.resize(cols, rows),
    text: () => printed.text,
    shows: pattern => printed.matching(pattern),
    child: () => Number(readFileSync(`/proc/${pty.pid}/task/${pty.pid}/children`, 'utf8').trim().split(' ')[0]),
    leave: () => pty.close(),
  }
}
