import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { AgentClient, FileJournal } from '@fleetwire/client/node'
import { Command } from 'commander'
import { createShellRunner } from '../exec/shell-runner.ts'
import { readVersion } from '../version.ts'
import { CliError } from './cli-error.ts'
import { readSecret, signLocally } from './target.ts'

interface ExecOptions {
  id: string
  name?: string
  label?: string[]
  concurrency: number
  shell?: string
  cwd?: string
  journal: string
  withParent?: boolean
}

const DEFAULT_JOURNAL = join(homedir(), '.fleetwire', 'journal')
const LOCAL_TOKEN_SECONDS = 30 * 86_400

const exec = new Command('exec')
  .description('Run an agent: each command is a shell line, run in a terminal of its own')
  .requiredOption('--id <agentId>', 'who this agent is; its token must be for this id')
  .option('--name <name>', 'what people see (default: the id)')
  .option('--label <key=value...>', 'labels to select it by')
  .option('--concurrency <n>', 'commands at the same time', Number, 1)
  .option('--shell <path>', 'the shell (default: $SHELL, or /bin/sh)')
  .option('--cwd <folder>', 'where commands run (default: here)')
  .option('--journal <folder>', 'where it remembers what it has run', DEFAULT_JOURNAL)
  .option('--with-parent', 'end when the process that started it ends')
  .action(run)

export const agentCommand = new Command('agent')
  .description('Run an agent on this machine')
  .addCommand(exec.exitOverride())

async function run(options: ExecOptions): Promise<void> {
  const url = process.env.FLEETWIRE_URL || 'http://127.0.0.1:3000'
  const journal = await FileJournal.open({ folder: options.journal, agentId: options.id })
  const runner = createShellRunner({
    openTerminal: terminal => client.openTerminal(terminal),
    env: process.env,
    shell: options.shell ?? (process.env.SHELL || '/bin/sh'),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  })
  const client: AgentClient = new AgentClient({
    url,
    token: await token(options.id),
    name: options.name ?? options.id,
    kind: 'exec',
    version: readVersion(),
    labels: { host: hostname(), ...labels(options.label) },
    capabilities: { kinds: ['shell'] },
    maxConcurrency: options.concurrency,
    handlers: { shell: runner },
    journal,
    onError: error => say(`the server says: ${error.message}`),
  })
  client.status.subscribe(status => {
    switch (status.state) {
      case 'online':
        return say(`agent "${options.id}" is connected to ${url}`)
      case 'waiting':
        return say(`no connection to ${url} (${status.cause.reason || status.cause.code}); trying again`)
      case 'stopped':
        if (status.cause.code === 1000) return
        say(`the server refused this agent: ${status.cause.reason || status.cause.code}`)
        process.exitCode = 4
    }
  })
  client.start()

  const stop = async () => {
    await client.stop()
    await journal.close()
    process.exit()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  if (options.withParent) process.once('disconnect', stop)
}

/** FLEETWIRE_TOKEN; on the server's own machine its secret signs one. */
async function token(agentId: string): Promise<string> {
  const given = process.env.FLEETWIRE_TOKEN
  if (given) return given
  const secret = await readSecret(process.env)
  if (secret !== undefined) return signLocally(secret, { sub: agentId, role: 'agent' }, LOCAL_TOKEN_SECONDS)
  throw new CliError('denied', `Set FLEETWIRE_TOKEN to an agent token: fleetwire token --role agent --sub ${agentId}`)
}

function labels(pairs: string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map(pair => {
      const [key = '', ...value] = pair.split('=')
      if (key === '' || value.length === 0)
        throw new CliError('usage', `Not a label: "${pair}". Write it as key=value.`)
      return [key, value.join('=')]
    }),
  )
}

const say = (text: string): void => void process.stderr.write(`fleetwire: ${text}\n`)
