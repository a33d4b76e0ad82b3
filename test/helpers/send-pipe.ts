import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { startForCli } from './cli.ts'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

type Server = Awaited<ReturnType<typeof startForCli>>

/** `fleetwire send a1 --wait <line>` with real pipes as stdin, stdout and stderr. */
export function sendInPipeline(t: Test, { url, admin }: Server, line: string, args: string[] = []) {
  const env = { PATH: process.env.PATH, FLEETWIRE_URL: url, FLEETWIRE_TOKEN: admin }
  const child: ChildProcess = spawn(process.execPath, [main, 'send', 'a1', '--wait', ...args, line], { env })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdin?.on('error', () => {})
  const [output, errors]: [Buffer[], Buffer[]] = [[], []]
  child.stderr?.on('data', bytes => errors.push(bytes))
  const read = () => child.stdout?.on('data', bytes => output.push(bytes))
  const ended = once(child, 'close').then(([code]) => ({
    code,
    stdout: Buffer.concat(output),
    stderr: Buffer.concat(errors).toString(),
  }))
  return { child, read, ended }
}
