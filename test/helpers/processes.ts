import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Printed } from './printed.ts'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** Where a process runs: by default directly on this machine. */
export interface Place {
  /** The address at which others reach it. */
  address: string
  /** The prefix of its command line. */
  prefix: readonly string[]
}

export const here: Place = { address: '127.0.0.1', prefix: [] }

export interface Ended {
  /** Null if a signal ended the process. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  readonly child: ChildProcess
  /** Everything printed so far, to stdout and stderr. */
  output(): string
  /** Resolves with the output and how the process ended. */
  readonly ended: Promise<Ended>
  /** Resolves when the output matches; rejects if the process ends first. */
  printed(pattern: RegExp): Promise<RegExpMatchArray>
  /** Sends the signal, and waits for the end of the process. */
  kill(signal: NodeJS.Signals): Promise<void>
}

/** Flags that make Node compile less: see scripts/run-tests.ts. */
const lazy = process.execArgv.filter(flag => flag.startsWith('--interrupt-budget='))

/** Runs the real command line in a separate process, which is killed when the test ends. */
export function fleetwire(
  t: Test,
  args: string[],
  env: Record<string, string> = {},
  cwd = process.cwd(),
  { prefix } = here,
): Running {
  const [file = '', ...rest] = [...prefix, process.execPath, ...lazy, main, ...args]
  return program(t, file, rest, env, cwd)
}

/** Runs a program with only PATH from this process's environment. It is killed when the test ends. */
export function program(t: Test, file: string, args: string[], env: Record<string, string>, cwd: string): Running {
  const child = spawn(file, args, {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: t.testdirName, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed = new Printed()
  const [stdout, stderr] = [child.stdout, child.stderr].map(stream => {
    const chunks: Buffer[] = []
    stream.on('data', chunk => chunks.push(chunk))
    stream.on('data', chunk => printed.add(chunk))
    return () => Buffer.concat(chunks).toString()
  })
  const ended = once(child, 'close').then(([code, signal]) => ({
    code,
    signal,
    stdout: stdout!(),
    stderr: stderr!(),
  }))
  const running: Running = {
    child,
    output: () => printed.text,
    ended,
    printed: pattern => printed.matching(pattern, ended),
    kill: async signal => {
      child.kill(signal)
      await ended
    },
  }
  t.teardown(() => running.kill('SIGKILL'))
  return running
}

/** The admin token of a server's first start, read from the file that the server names. */
export async function adminToken(server: Running): Promise<string> {
  const [, path] = await server.printed(/admin token.* is in (\S+) \(mode 0600\)/)
  return (await readFile(path!, 'utf8')).trim()
}

/** A free port, reserved for this process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000)
    if (await claimPort(port)) return port
  }
}

/**
 * Claims a port from 10,000 to 19,999, below the range from which the system assigns ports. Resolves with false if
 * another process uses or has claimed the port. To claim a port, a process listens on the port 10,000 above it.
 */
export async function claimPort(port: number): Promise<boolean> {
  const claim = await listenAt(port + 10_000)
  if (claim === undefined) return false
  claim.unref()
  const server = await listenAt(port)
  server?.close()
  return server !== undefined
}

async function listenAt(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '127.0.0.1')
  return once(server, 'listening').then(
    () => server,
    () => undefined,
  )
}
