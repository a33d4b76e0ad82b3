import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentTerminalOptions } from '@fleetwire/client'
import { numbersIn } from '../../src/exec/proc.ts'
import { createShellRunner, type ShellRunnerOptions } from '../../src/exec/shell-runner.ts'

/** The folder in which commands run. */
export const dir = await mkdtemp(join(tmpdir(), 'fleetwire-exec-'))
const env = { PATH: process.env.PATH, HOME: dir, FLEETWIRE_TOKEN: 'secret' }
let ids = 0

export interface Start extends Partial<ShellRunnerOptions> {
  write?: (bytes: Uint8Array) => Promise<void> | undefined
}

/** Runs a command in a real shell on a real terminal, and records what its terminal receives and how it ends. */
export function start(line: unknown, { write, ...options }: Start = {}) {
  const interrupt = new AbortController()
  const force = new AbortController()
  // Unique, because survivors are searched on the whole machine, where tests of other files run too.
  const commandId = `cmd_${process.pid}_${++ids}`
  const chunks: Uint8Array[] = []
  const sizes: [number, number][] = []
  const looks = new Set<() => void>()
  const waits: (string | false)[] = []
  let opened: AgentTerminalOptions | undefined
  let exit: unknown
  const text = () => Buffer.concat(chunks).toString()
  const runner = createShellRunner({
    env,
    cwd: dir,
    openTerminal: terminal => {
      opened = terminal
      return {
        write: bytes => {
          if (write) return write(bytes)
          chunks.push(Uint8Array.from(bytes))
          for (const look of looks) look()
          return undefined
        },
        resize: (cols, rows) => void sizes.push([cols, rows]),
        exit: how => {
          exit = how
        },
        taken() {},
      }
    },
    ...options,
  })
  const waiting = (detail: string | false) => {
    waits.push(detail)
    for (const look of looks) look()
  }
  /** Resolves when the last reported waiting state is this one. */
  const waited = (detail: string | false) =>
    new Promise<void>(resolve => {
      const look = () => waits.at(-1) === detail && resolve()
      looks.add(look)
      look()
    })
  const outcome = runner({ commandId, input: line, signal: interrupt.signal, force: force.signal, waiting })
  /** Resolves when the output matches. */
  const printed = (pattern: RegExp) =>
    new Promise<RegExpMatchArray>(resolve => {
      const look = () => {
        const match = text().match(pattern)
        if (match) resolve(match)
      }
      looks.add(look)
      look()
    })
  return {
    waits,
    waited,
    outcome,
    interrupt,
    force,
    printed,
    text,
    sizes,
    commandId,
    terminal: () => opened!,
    exit: () => exit,
  }
}

/** All processes with the command's id in their environment, so that no survivor is overlooked. */
export function survivors(commandId: string): number[] {
  return numbersIn('/proc').filter(pid => {
    try {
      // The environment of an ended process is empty.
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`FLEETWIRE_COMMAND_ID=${commandId}`)
    } catch {
      return false
    }
  })
}
