import { hostname } from 'node:os'
import { isatty } from 'node:tty'
import {
  AgentClient,
  type AgentClientOptions,
  type ConnectionStatus,
  FileJournal,
  nodeSocket,
  type StopOptions,
  tokenExpiry,
} from '@fleetwire/client/node'
import type { Command } from 'commander'
import { systemClock } from '../clock.ts'
import { onStop } from '../stop-signals.ts'
import { readVersion } from '../version.ts'
import { findJournalFolder } from './agent-journal.ts'
import { agentTokenSource } from './agent-token.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { anId, label } from './options.ts'
import { resolveUrl } from './target.ts'

/** Options of every `fleetwire agent …` command. */
export interface AgentOptions {
  id: string
  name?: string
  label?: Record<string, string>
  journal?: string
  tokenFile?: string
  tokenCommand?: string
  withParent?: boolean
}

export const withAgentOptions = (command: Command): Command =>
  command
    .requiredOption('--id <agentId>', 'the id of this agent; its token must be for this id', anId)
    .option('--name <name>', 'what people see (default: the id)')
    .option('--label <key=value>', 'a label to select it by; may be given several times', label)
    .option('--journal <folder>', 'where it records what it has run (default: ~/.fleetwire/journal)')
    .option('--token-file <path>', 'reads the token from here, and again before it expires (FLEETWIRE_TOKEN_FILE)')
    .option(
      '--token-command <line>',
      'a shell line that prints the token, run again before it expires (FLEETWIRE_TOKEN_COMMAND)',
    )
    .option('--with-parent', 'end when the process that started it ends')

/** What one kind of agent adds to the process. */
export interface AgentRole extends Pick<AgentClientOptions, 'kind' | 'capabilities' | 'maxConcurrency' | 'handlers'> {
  /** Shows a message to the person at the terminal. Default: a line on standard error. */
  say?: (text: string) => void
  /** Ends what the role has started; called once, before the agent leaves. `signal`: the one that ends this process. */
  onLeave?: (signal: NodeJS.Signals | undefined) => Promise<void> | void
  /** The agent is useful without the server too, so it does not end when the server refuses it. */
  isIndependent?: boolean
}

export interface AgentProcess {
  /** The client of the agent's current life; `endLife` replaces it. */
  readonly client: AgentClient
  /** The folder for everything that must survive this process. */
  readonly journalFolder: string
  start(): Promise<void>
  /** Reports to the server how the agent's program ended, and disconnects; `start` then begins another life. */
  endLife(exit: StopOptions): Promise<void>
  /**
   * Disconnects and ends this process, with `exitCode` unless one is already set. Running commands have `graceMs` to
   * end; default: that of the client. `exit` is reported to the server; default: the agent was stopped.
   */
  leave(options?: LeaveOptions): Promise<void>
}

export interface LeaveOptions {
  graceMs?: number
  exitCode?: number
  exit?: StopOptions
  signal?: NodeJS.Signals
}

const NORMAL = 1000
const UNAUTHORIZED = 4401
const REPLACED = 4409

/** Tolerated difference between the clocks of the server and of this machine. */
const SKEW_MS = 60_000
const LOOK_MS = 100
const PID_ONE =
  'as process 1 of a container it cannot reap the processes that its commands leave behind: start it with bin/fleetwire, or with docker run --init'

/**
 * Grace for an agent that has lost its server for good. It can only end the running commands, which no longer belong to
 * it.
 */
const UNHEARD_GRACE_MS = 1000

/** Sets up this process as one agent: token, journal, client, signals. Throws CliErrors for mistakes of the user. */
export async function createAgentProcess(options: AgentOptions, role: AgentRole): Promise<AgentProcess> {
  const { say = sayOnStderr, onLeave, isIndependent, capabilities, ...rest } = role
  const url = resolveUrl()
  const { token, renewable } = await agentTokenSource(options.id, options)
  if (process.pid === 1) say(PID_ONE)
  const journalFolder = await findJournalFolder(options.journal, say)
  const journal = await FileJournal.open({ folder: journalFolder, agentId: options.id })
  let orphaned = false
  const begin = () => {
    const client = new AgentClient({
      ...rest,
      url,
      token,
      name: options.name ?? options.id,
      version: readVersion(),
      labels: { host: hostname(), ...options.label },
      capabilities: { ...capabilities, ...(renewable && { renewsToken: true }) },
      journal,
      // The next server on this port starts its own agent, which this one must not replace.
      socket: (address, events) => {
        if (orphaned) throw new Error('the server has ended')
        return nodeSocket(address, events)
      },
      onError: error => say(`the server says: ${error.message}`),
    })
    client.status.subscribe(changed)
    return client
  }

  let leaving: Promise<void> | undefined
  const leave: AgentProcess['leave'] = ({ graceMs, exitCode, exit, signal } = {}) => {
    leaving ??= (async () => {
      process.exitCode ??= exitCode
      await onLeave?.(signal)
      await client.stop({ ...exit, ...(graceMs !== undefined && { graceMs }) })
      await journal.close()
      process.exit()
    })()
    return leaving
  }
  const leaveAfterRuns = () => {
    if (client.running.length === 0) void leave({ graceMs: UNHEARD_GRACE_MS })
    else setTimeout(leaveAfterRuns, LOOK_MS)
  }
  const changed = (status: ConnectionStatus) => {
    // The parent of this agent is its server: when that ends, so does the agent. A lost connection needs no message.
    if (orphaned || (options.withParent && status.state === 'waiting')) return
    const news = describe(status, options.id, url, token)
    if (news !== undefined) say(news)
    if (status.state !== 'stopped' || status.cause.code === NORMAL || isIndependent) return
    process.exitCode = status.cause.code === REPLACED ? exitCodes.replaced : exitCodes.denied
    // Nobody can interrupt the commands any more, but their results still matter: the journal keeps them for the next
    // token.
    if (client.running.length > 0 && isExpired(token, status)) {
      say(`${client.running.length} of its commands run to completion; their results are delivered with the next token`)
      leaveAfterRuns()
    } else void leave({ graceMs: UNHEARD_GRACE_MS })
  }
  let client = begin()
  onStop(systemClock, signal => void leave({ signal }))
  // `nohup` cannot make Node ignore SIGHUP, so an agent without a terminal ignores it here.
  process.on('SIGHUP', hasTerminal() ? () => void leave({ signal: 'SIGHUP' }) : () => {})
  // A closed stderr must not end the agent.
  process.stderr.on('error', () => {})
  if (options.withParent) {
    process.once('disconnect', () => {
      orphaned = true
      void leave({ graceMs: UNHEARD_GRACE_MS })
    })
    if (process.connected === undefined)
      throw new CliError('usage', '--with-parent: the program that started this one has no channel to it.')
    // The parent ended while this process was loading.
    if (!process.connected) {
      await journal.close()
      process.exit()
    }
  }
  return {
    get client() {
      return client
    },
    journalFolder,
    start: () => client.start(),
    endLife: async exit => {
      await client.stop(exit)
      client = begin()
    },
    leave,
  }
}

function describe(status: ConnectionStatus, id: string, url: string, token: unknown): string | undefined {
  switch (status.state) {
    case 'online':
      return `agent "${id}" is connected to ${url}`
    case 'waiting':
      return `no connection to ${url} (${status.cause.reason || status.cause.code}); trying again`
    case 'stopped': {
      const { code, reason } = status.cause
      if (code === NORMAL) return undefined
      if (code === REPLACED)
        return `another process took over as agent "${id}", so this one ends. Give each process its own id and token; under a supervisor, do not restart on exit code ${exitCodes.replaced}`
      if (isExpired(token, status))
        return 'the token has expired. With --token-file or --token-command the next one is read automatically'
      return `the server refused this agent: ${reason || code}`
    }
    default:
      return undefined
  }
}

/** Whether the token expired and was not revoked: a revocation ends the commands as well. */
function isExpired(token: unknown, { cause }: Extract<ConnectionStatus, { state: 'stopped' }>): boolean {
  const refused = cause.code === UNAUTHORIZED || cause.httpStatus === 401
  return (
    refused && typeof token === 'string' && (tokenExpiry(token) ?? Number.POSITIVE_INFINITY) <= Date.now() + SKEW_MS
  )
}

/** `nohup` redirects only streams that are terminals; on systems other than Linux it never redirects the input. */
const hasTerminal = () => (process.platform === 'linux' ? [0, 1, 2] : [1, 2]).some(fd => isatty(fd))

export const sayOnStderr = (text: string): void => void process.stderr.write(`fleetwire: ${text}\n`)
