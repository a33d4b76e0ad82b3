import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Printed } from './printed.ts'
import type { Ended } from './processes.ts'

/*
 * Runs the command line in the process of the test, to test what a command requests, prints and returns. A separate
 * process needs ten times as long to load the same modules. Tests of signals, pipes, terminals or kills start one
 * (`fleetwire` in processes.ts).
 */

/** The members of `process` that a run sees instead of the real ones. */
interface OwnProcess {
  env: Record<string, string>
  argv: string[]
  stdin: Readable
  stdout: Writable
  stderr: Writable
  exitCode: number | undefined
  exit(code?: number): void
  on(event: string, listener: () => void): NodeJS.Process
  once(event: string, listener: () => void): NodeJS.Process
  off(event: string, listener: () => void): NodeJS.Process
}

export interface RunningHere {
  /** Everything printed so far, to stdout and stderr. */
  output(): string
  readonly ended: Promise<Ended>
  /** Resolves when the output matches; rejects if the run ends first. */
  printed(pattern: RegExp): Promise<RegExpMatchArray>
  /** Acts as if the process got this signal. Resolves when the run has ended. */
  kill(signal: 'SIGINT' | 'SIGTERM'): Promise<Ended>
}

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const current = new AsyncLocalStorage<OwnProcess>()
/** Commands that keep running after their action, until they exit. */
const GO_ON = ['agent', 'serve']
/** Signals other than SIGCHLD, which concerns children of the whole process. */
const SIGNALS = /^SIG(?!CHLD)/

const real = globalThis.process
let isShared = false

/** From now on, each run sees its own members of `process`, and other code sees the real ones. */
function shareProcess(): void {
  if (isShared) return
  isShared = true
  for (const name of ['env', 'argv', 'stdin', 'stdout', 'stderr', 'exit', 'on', 'once', 'off'] as const) {
    const { get, value } = Object.getOwnPropertyDescriptor(real, name) ?? { value: real[name] }
    Object.defineProperty(real, name, {
      get: () => current.getStore()?.[name] ?? (get === undefined ? value : get.call(real)),
      configurable: true,
    })
  }
  // A run has no terminal, and its folder is its home.
  const builtIn = createRequire(import.meta.url)
  const [tty, os] = [builtIn('node:tty') as typeof import('node:tty'), builtIn('node:os') as typeof import('node:os')]
  const { isatty } = tty
  const { homedir } = os
  tty.isatty = fd => current.getStore() === undefined && isatty(fd)
  os.homedir = () => current.getStore()?.env.HOME ?? homedir()
  syncBuiltinESMExports()
  // `exitCode` cannot be redefined.
  const own = (name: string | symbol) => (name === 'exitCode' ? current.getStore() : undefined) ?? real
  globalThis.process = new Proxy(real, {
    get: (_, name) => Reflect.get(own(name), name),
    set: (_, name, value) => Reflect.set(own(name), name, value),
  })
}

/** Runs `fleetwire <args>` in this process, with this environment and with `input` on stdin. */
export function fleetwireHere(
  t: Test,
  args: string[],
  { env, folder, input = '' }: { env: Record<string, string>; folder: string; input?: string },
): RunningHere {
  shareProcess()
  const signals = new EventEmitter()
  const listen = (how: 'on' | 'once' | 'off') => (event: string, listener: () => void) => {
    if (SIGNALS.test(event)) signals[how](event, listener)
    else EventEmitter.prototype[how].call(real, event, listener)
    return real
  }
  const printed = new Printed()
  let errors = ''
  // A file, because piped output is written to its descriptor.
  const path = join(folder, `stdout-${Math.random()}`)
  const fd = openSync(path, 'a')
  let isOpen = true
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (isOpen) writeSync(fd, chunk)
      printed.add(chunk)
      done()
    },
  })
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, done) {
      errors += chunk.toString()
      printed.add(chunk)
      done()
    },
  })
  const argv = [real.execPath, main, ...args]
  let signal: (name: NodeJS.Signals) => void = () => {}
  const ended = new Promise<Ended>((resolve, reject) => {
    const end = (code = own.exitCode ?? 0) => {
      if (!isOpen) return
      isOpen = false
      closeSync(fd)
      resolve({ code, signal: null, stdout: readFileSync(path, 'utf8'), stderr: errors })
    }
    const own: OwnProcess = {
      env: { PATH: real.env.PATH ?? '', HOME: folder, FLEETWIRE_DATA_DIR: join(folder, 'data'), ...env },
      argv,
      stdin: Readable.from(input === '' ? [] : [Buffer.from(input)], { objectMode: false }),
      stdout: Object.assign(stdout, { fd }),
      stderr,
      exitCode: undefined,
      exit: end,
      on: listen('on'),
      once: listen('once'),
      off: listen('off'),
    }
    signal = name => {
      if (isOpen && !current.run(own, () => signals.emit(name, name))) end(130)
    }
    current
      .run(own, async () => {
        const { runProgram } = await import('../../src/cli/program.ts')
        const code = await runProgram(argv)
        if (code !== undefined || !GO_ON.includes(args[0]!)) end(code)
      })
      .catch(reject)
  })
  t.teardown(() => {
    signal('SIGINT')
    return ended
  })
  return {
    output: () => printed.text,
    ended,
    printed: pattern => printed.matching(pattern, ended),
    kill: name => {
      signal(name)
      return ended
    },
  }
}
