import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { AgentClient, type ConnectionStatus, FileJournal, nodeSocket } from '@fleetwire/client/node'
import { Command } from 'commander'
import { createShellRunner } from '../exec/shell-runner.ts'
import { readVersion } from '../version.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { anId, label, wholeNumber } from './options.ts'
import { agentToken, resolveUrl } from './target.ts'

interface ExecOptions {
  id: string
  name?: string
  label?: Record<string, string>
  concurrency: number
  shell?: string
  cwd?: string
  journal?: string
  withParent?: boolean
}

const DEFAULT_JOURNAL = join(homedir(), '.fleetwire', 'journal')
const NORMAL = 1000
const REPLACED = 4409

/** For an agent that nobody hears any more: all it can do is end what runs, since its commands are no longer its own. */
const UNHEARD_GRACE_MS = 1000

const exec = new Command('exec')
  .description('Run an agent: each command is a shell line, run in a terminal of its own')
  .requiredOption('--id <agentId>', 'who this agent is; its token must be for this id', anId)
  .option('--name <name>', 'what people see (default: the id)')
  .option('--label <key=value>', 'to select it by; may be given several times', label)
  .option('--concurrency <n>', 'commands at the same time', wholeNumber(1), 1)
  .option('--shell <path>', 'the shell (default: $SHELL, or /bin/sh)')
  .option('--cwd <folder>', 'where commands run (default: here)')
  .option('--journal <folder>', 'where it remembers what it has run (default: ~/.fleetwire/journal)')
  .option('--with-parent', 'end when the process that started it ends')
  .action(run)

export const agentCommand = new Command('agent')
  .description('Run an agent on this machine')
  .addCommand(exec.exitOverride())

async function run(options: ExecOptions): Promise<void> {
  const url = resolveUrl()
  const token = await agentToken(options.id)
  const journal = await FileJournal.open({ folder: options.journal ?? DEFAULT_JOURNAL, agentId: options.id })
  const runner = createShellRunner({
    openTerminal: terminal => client.openTerminal(terminal),
    env: process.env,
    shell: options.shell ?? (process.env.SHELL || '/bin/sh'),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  })
  let orphaned = false
  const client: AgentClient = new AgentClient({
    url,
    token,
    name: options.name ?? options.id,
    kind: 'exec',
    version: readVersion(),
    labels: { host: hostname(), ...options.label },
    capabilities: { kinds: ['shell'] },
    maxConcurrency: options.concurrency,
    handlers: { shell: runner },
    journal,
    // The next server on this port brings an agent of its own: this one must not take its place.
    socket: (address, events) => {
      if (orphaned) throw new Error('the server has ended')
      return nodeSocket(address, events)
    },
    onError: error => say(`the server says: ${error.message}`),
  })

  const leave = async (graceMs?: number) => {
    await client.stop(graceMs === undefined ? {} : { graceMs })
    await journal.close()
    process.exit()
  }
  client.status.subscribe(status => {
    // The only server of an agent with a parent is that parent: when it goes away, so does the agent.
    if (orphaned || (options.withParent && status.state === 'waiting')) return
    const news = describe(status, options.id, url)
    if (news !== undefined) say(news)
    if (status.state !== 'stopped' || status.cause.code === NORMAL) return
    process.exitCode = status.cause.code === REPLACED ? exitCodes.failed : exitCodes.denied
    void leave(UNHEARD_GRACE_MS)
  })
  process.once('SIGINT', () => leave())
  process.once('SIGTERM', () => leave())
  if (options.withParent) {
    process.once('disconnect', () => {
      orphaned = true
      void leave(UNHEARD_GRACE_MS)
    })
    if (!process.connected) throw new CliError('usage', '--with-parent: the program that started this one has ended.')
  }
  await client.start()
}

function describe(status: ConnectionStatus, id: string, url: string): string | undefined {
  switch (status.state) {
    case 'online':
      return `agent "${id}" is connected to ${url}`
    case 'waiting':
      return `no connection to ${url} (${status.cause.reason || status.cause.code}); trying again`
    case 'stopped': {
      const { code, reason } = status.cause
      if (code === NORMAL) return undefined
      if (code === REPLACED) return `another process took over as agent "${id}", so this one ends`
      return `the server refused this agent: ${reason || code}`
    }
    default:
      return undefined
  }
}

const say = (text: string): void => void process.stderr.write(`fleetwire: ${text}\n`)
