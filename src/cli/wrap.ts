import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { isatty } from 'node:tty'
import type { ConnectionStatus } from '@fleetwire/client/node'
import { Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../clock.ts'
import { findProgram } from '../exec/find-program.ts'
import { type AgentOptions, createAgentProcess, sayOnStderr, withAgentOptions } from './agent-process.ts'
import { CliError, exitCodes } from './cli-error.ts'

interface WrapOptions extends AgentOptions {
  cwd?: string
  size?: { cols: number; rows: number }
  rules?: string
}

/** How long to wait for the server before the program starts, so that a refusal is reported first. */
const FIRST_ANSWER_MS = 500
/** How long a person at the terminal waits for the last reports to be stored. */
const GOODBYE_MS = 2000
const UNHEARD_GOODBYE_MS = 100
const LARGEST = 1000
const LONGEST_LABEL = 64

export const wrapCommand = withAgentOptions(new Command('wrap'))
  .description('Run a terminal program as an agent, without changing it: vim, a REPL, a coding agent')
  .argument('<program...>', 'the program and its arguments, after --')
  .option('--cwd <folder>', 'where it runs (default: here)')
  .option('--size <colsxrows>', 'size of its terminal if agent wrap itself has none (default: 80x24)', aSize)
  .option(
    '--rules <file>',
    'rules for more programs to recognise and judge (default: ~/.fleetwire/wrap-rules.json, if there is one)',
  )
  .action(run)

async function run([name = '', ...args]: string[], options: WrapOptions): Promise<void> {
  const file = await findProgram(name, process.env.PATH)
  if (file === undefined) {
    const where = name.includes('/') ? 'does not exist, or cannot be run' : 'is not in PATH'
    throw new CliError('noProgram', `The program ${name} ${where}.`)
  }
  const cwd = resolve(options.cwd ?? '.')
  if (!(await isFolder(cwd))) throw new CliError('usage', `There is no folder ${cwd} to run it in.`)
  // Only this command loads the rest.
  const { createWrap } = await import('../wrap/create-wrap.ts')
  const rules = await rulesFrom(options.rules)
  const isLocal = isatty(0) && isatty(1)
  const messages = new Messages(isLocal && isatty(2))
  const wrap = await createWrap({
    ...{ name: basename(name), file, args, env: process.env, clock: systemClock },
    size: options.size,
    ...{ cwd, rules, say: (text: string) => messages.say(text) },
    terminal: isLocal ? { stdin: process.stdin, stdout: process.stdout } : undefined,
  })
  const label = { program: basename(name).slice(0, LONGEST_LABEL), ...options.label }
  const agent = await createAgentProcess(
    { ...options, label },
    {
      ...wrap.role,
      say: text => messages.say(text),
      isIndependent: isLocal,
      onLeave: async signal => {
        if (!wrap.isStarted || wrap.hasEnded) return
        const { exitCode } = await wrap.end(signal ?? 'SIGTERM')
        process.exitCode ??= exitCode
      },
    },
  )
  await agent.start()
  const status = await firstAnswer(agent.client.status)
  if (status.state === 'stopped') {
    if (isLocal) await agent.leave({ exitCode: exitCodes.denied, graceMs: UNHEARD_GOODBYE_MS })
    return
  }
  messages.hold()
  const { exitCode, exit } = await wrap.start(agent.client)
  messages.release(agent.client.status.value)
  const graceMs = agent.client.status.value.state === 'online' ? GOODBYE_MS : UNHEARD_GOODBYE_MS
  await agent.leave({ exitCode, exit, ...(isLocal && { graceMs }) })
}

const isFolder = (path: string) =>
  stat(path).then(
    stats => stats.isDirectory(),
    () => false,
  )

/** A file named by the user must exist; the one in the home folder need not. */
async function rulesFrom(file: string | undefined) {
  const { loadRules, RulesError } = await import('../wrap/judge/load-rules.ts')
  try {
    return await loadRules(file ?? usualRules(), {
      mayBeMissing: file === undefined,
    })
  } catch (error) {
    throw error instanceof RulesError ? new CliError('usage', error.message) : error
  }
}

/** For a user without a home folder, a path that need not exist. */
function usualRules(): string {
  try {
    return join(homedir(), '.fleetwire', 'wrap-rules.json')
  } catch {
    return join('.fleetwire', 'wrap-rules.json')
  }
}

/** Holds messages back while the program draws on the terminal. */
class Messages {
  readonly #shares: boolean
  #isHeld = false
  #last: string | undefined

  constructor(shares: boolean) {
    this.#shares = shares
  }

  say(text: string): void {
    this.#last = text
    if (!this.#shares || (!this.#isHeld && !text.includes('is connected to'))) sayOnStderr(text)
  }

  hold(): void {
    this.#isHeld = true
    this.#last = undefined
  }

  /** Shows the last message that was held back, unless the agent is online. */
  release({ state }: ConnectionStatus): void {
    this.#isHeld = false
    if (this.#shares && state !== 'online' && this.#last !== undefined) sayOnStderr(this.#last)
  }
}

function firstAnswer(status: {
  value: ConnectionStatus
  subscribe(listener: (status: ConnectionStatus) => void): () => void
}): Promise<ConnectionStatus> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      remove()
      resolve(status.value)
    }
    const remove = status.subscribe(({ state }) => {
      if (state === 'online' || state === 'waiting' || state === 'stopped') done()
    })
    const timer = setTimeout(done, FIRST_ANSWER_MS)
  })
}

function aSize(text: string): { cols: number; rows: number } {
  const [cols = 0, rows = 0] = /^(\d+)x(\d+)$/.exec(text)?.slice(1).map(Number) ?? []
  if (cols < 1 || rows < 1 || cols > LARGEST || rows > LARGEST)
    throw new InvalidArgumentError(`Write it as 120x40, each from 1 to ${LARGEST}.`)
  return { cols, rows }
}
