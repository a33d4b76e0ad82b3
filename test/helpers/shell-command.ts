import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentTerminalOptions } from '@fleetwire/client'
import { numbersIn } from '../../src/exec/proc.ts'
import { createShellRunner, type ShellRunnerOptions } from '../../src/exec/shell-runner.ts'

/** Where commands run. */
export const dir = await mkdtemp(join(tmpdir(), 'fleetwire-exec-'))
const env = { PATH: process.env.PATH, HOME: dir, FLEETWIRE_TOKEN: 'secret' }
let ids = 0

export interface Start extends Partial<ShellRunnerOptions> {
  write?: (bytes: Uint8Array) => Promise<void> | undefined
}

/** A command that runs in a real shell on a real terminal: what its terminal was told, and its end. */
export function start(line: unknown, { write, ...options }: Start = {}) {
  const interrupt = new AbortController()
  const force = new AbortController()
  // Tests of other files run beside these, and survivors are looked for on the whole machine.
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
  /** Resolves when the last word on waiting is this one. */
  const waited = (detail: string | false) =>
    new Promise<void>(resolve => {
      const look = () => waits.at(-1) === detail && resolve()
      looks.add(look)
      look()
    })
  const outcome = runner({ commandId, input: line, signal: interrupt.signal, force: force.signal, waiting })
  /** Resolves when the output holds the pattern. */
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

/** Every process that mentions the mark in its environment, so that no survivor is overlooked whatever it became. */
export function survivors(commandId: string): number[] {
  return numbersIn('/proc').filter(pid => {
    try {
      // That of one that has ended is empty.
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`FLEETWIRE_COMMAND_ID=${commandId}`)
    } catch {
      return false
    }
  })
}
