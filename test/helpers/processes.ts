import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Printed } from './printed.ts'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** Where a process runs: by default among all others of this machine. */
export interface Place {
  /** Where the others reach it. */
  address: string
  /** What stands before its command line. */
  prefix: readonly string[]
}

export const here: Place = { address: '127.0.0.1', prefix: [] }

export interface Ended {
  /** Null where a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  readonly child: ChildProcess
  /** What it has printed so far, on both. */
  output(): string
  /** Resolves with what it printed and how it ended. */
  readonly ended: Promise<Ended>
  /** Resolves when the output matches; rejects when the process ends before. */
  printed(pattern: RegExp): Promise<RegExpMatchArray>
  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<void>
}

/** What makes node compile less: see scripts/run-tests.ts. */
const lazy = process.execArgv.filter(flag => flag.startsWith('--interrupt-budget='))

/** Runs the real command line in a process of its own; whatever is left of it ends with the test. */
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

/** Runs a program with no more of this process's environment than its PATH; whatever is left of it ends with the test. */
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

/** The admin token of a server's first start, from the file that it names. */
export async function adminToken(server: Running): Promise<string> {
  const [, path] = await server.printed(/admin token.* is in (\S+) \(mode 0600\)/)
  return (await readFile(path!, 'utf8')).trim()
}

/** A port that nobody listens at, for this process alone. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000)
    if (await claimPort(port)) return port
  }
}

/**
 * Claims a port from 10,000 to 19,999: below those that the system gives to whoever asks for any. False where another
 * process uses it, or has claimed it and may use it later: who claims a port listens at the one 10,000 above it.
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
