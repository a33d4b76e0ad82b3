import {
  type AgentFrameType,
  type AgentPayloads,
  type AgentServerFrameType,
  type AgentServerPayloads,
  type Capabilities,
  decodeAgentServerFrame,
  isNumbered,
  type WireError,
} from '@fleetwire/protocol'
import type { AgentTerminal, AgentTerminalOptions } from './agent/agent-terminal.ts'
import { AgentTerminals } from './agent/agent-terminals.ts'
import type { CommandHandler } from './agent/command-run.ts'
import { CommandRunner, type InteractionReport } from './agent/command-runner.ts'
import type { PushOptions } from './agent/outbox.ts'
import { type InteractionAnswer, type Question, Questions } from './agent/questions.ts'
import type { ReportType } from './agent/run-writer.ts'
import { Uplink } from './agent/uplink.ts'
import { type Clock, systemClock, type Timer } from './clock.ts'
import { Connection, type ConnectionStatus, type TokenSource } from './connection.ts'
import { FleetwireError, messageOf } from './errors.ts'
import { type CommandJournal, MemoryJournal } from './journal.ts'
import { type Log, silent } from './log.ts'
import type { Observable } from './observable.ts'
import { randomId } from './random-id.ts'
import type { ReconnectPolicy } from './reconnect.ts'
import { type SocketFactory, socketOf, socketUrl } from './socket.ts'
import { Waiters } from './waiters.ts'
import type { WakeUps } from './wake-ups.ts'

export interface AgentClientOptions {
  /** The server (`https://fleet.example`) or the full address of the socket (`wss://fleet.example/agent`). */
  url: string
  /** The token's `sub` is the agent id. A function is called before each attempt; a refused string stops the client. */
  token: TokenSource
  name?: string
  kind?: string
  version?: string
  labels?: Record<string, string>
  /** `kinds` defaults to the keys of `handlers`. */
  capabilities?: Capabilities
  /** How many commands run at once. Others are rejected as busy, and the server resends them later. Default 1. */
  maxConcurrency?: number
  /** Handlers by command kind. */
  handlers: Readonly<Record<string, CommandHandler>>
  /** Default: in memory, so a command may run a second time after a restart of the process. */
  journal?: CommandJournal
  /**
   * How many bytes of reports may wait for the server to store them; `report` throws beyond this. Keeps an agent that
   * has lost its server from running out of memory. Default 64 MiB.
   */
  outboxLimitBytes?: number
  socket?: SocketFactory
  clock?: Clock
  random?: () => number
  handshakeTimeoutMs?: number
  reconnect?: Partial<ReconnectPolicy>
  /** Signals to end a wait for the next attempt, or to check an open connection. Default: the page's. */
  wakeUps?: WakeUps
  /** Called with answers to interactions that were reported without `ask`. */
  onAnswer?(answer: InteractionAnswer): void
  /** Called when the server refused a frame. */
  onError?(error: WireError): void
  onLog?: Log
}

export interface StopOptions {
  reason?: AgentPayloads['agent:exit']['reason']
  message?: string
  /** Exit code of the program that the agent wraps. */
  exitCode?: number
  signal?: string
  /** Time for running commands to stop, and then for the server to store their reports. Default 5,000. */
  graceMs?: number
}

const OUTBOX_LIMIT_BYTES = 64 * 1024 * 1024
const GRACE_MS = 5_000

type Handlers = { [K in AgentServerFrameType]: (payload: AgentServerPayloads[K]) => void }

/** An agent connected to `/agent`: runs each command once, loses no report, and serves terminals. */
export class AgentClient {
  /** Identifies this process's sequence of numbered reports. */
  readonly bootId = randomId()
  readonly #options: AgentClientOptions
  readonly #clock: Clock
  readonly #log: Log
  readonly #journal: CommandJournal
  readonly #connection: Connection
  readonly #uplink: Uplink
  readonly #runner: CommandRunner
  readonly #terminals: AgentTerminals
  readonly #questions = new Questions()
  readonly #waiters: Waiters
  #heartbeat: Timer | undefined
  #connects = 0
  #life: 'new' | 'started' | 'stopped' = 'new'

  constructor(options: AgentClientOptions) {
    const { clock = systemClock, onLog: log = silent, journal = new MemoryJournal() } = options
    this.#options = options
    this.#clock = clock
    this.#log = log
    this.#journal = journal
    this.#waiters = new Waiters(clock)
    this.#connection = new Connection(
      {
        url: socketUrl(options.url, 'agent'),
        token: options.token,
        socket: socketOf(options.socket),
        clock,
        random: options.random,
        handshakeTimeoutMs: options.handshakeTimeoutMs,
        reconnect: options.reconnect,
        wakeUps: options.wakeUps,
        log,
      },
      {
        opened: () => this.#sendNow('agent:connect', this.#introduction()),
        text: text => this.#receive(text),
        down: () => this.#down(),
        probe: () => this.#sendHeartbeat(),
      },
    )
    this.#uplink = new Uplink({
      clock,
      limitBytes: options.outboxLimitBytes ?? OUTBOX_LIMIT_BYTES,
      send: text => this.#connection.send(text),
      bufferedAmount: () => this.#connection.bufferedAmount,
      nextOutput: maxFrameBytes => this.#terminals.next(maxFrameBytes),
    })
    this.#runner = new CommandRunner({
      journal,
      handlers: options.handlers,
      maxConcurrency: options.maxConcurrency ?? 1,
      log,
      report: (type, payload, pushed) => this.#say(type, payload, pushed),
      fits: jsonBytes => this.#uplink.fits(jsonBytes),
      continued: commandId => this.#askAgain(question => question.commandId === commandId),
      ended: () => this.#waiters.changed(),
    })
    this.#terminals = new AgentTerminals({
      wake: terminalId => this.#uplink.outputOf(terminalId),
      report: (type, payload, pushed) => this.#uplink.push(type, payload, pushed),
      acknowledge: payload => this.#uplink.latest('terminal:ack', payload, payload.terminalId),
    })
  }

  get status(): Observable<ConnectionStatus> {
    return this.#connection.status
  }

  /** The ids of the running commands. */
  get running(): string[] {
    return this.#runner.running()
  }

  /** Reads the journal, then connects. Does nothing when called again. Rejects if the journal cannot be read. */
  async start(): Promise<void> {
    if (this.#life !== 'new') return
    this.#life = 'started'
    this.#runner.restore(await this.#journal.load())
    this.#connection.start()
  }

  /**
   * Interrupts the running commands, reports the exit, waits until the server has stored it, and closes. Idempotent.
   * Results that could not be delivered in time stay in the journal for the next start.
   */
  async stop({ graceMs = GRACE_MS, ...exit }: StopOptions = {}): Promise<void> {
    const { reason = 'stopped' } = exit
    if (this.#life !== 'started') return
    this.#life = 'stopped'
    const isIdle = () => this.#runner.running().length === 0
    this.#questions.stop()
    this.#runner.stop(false)
    if (!(await this.#waiters.until(isIdle, graceMs))) {
      this.#runner.stop(true)
      await this.#waiters.until(isIdle, graceMs)
    }
    this.#uplink.push('agent:exit', { ...exit, reason }, { exempt: true })
    await this.#waiters.until(() => this.#uplink.isEmpty, graceMs)
    this.#connection.stop(reason)
  }

  /** Skips the backoff: call this when the network is back. */
  reconnectNow(): void {
    this.#connection.reconnectNow()
  }

  /**
   * Reports to the server. Numbered types survive lost sockets and server restarts. Of `agent:metrics` and
   * `session:typing`, only the newest is sent once there is a connection. Throws FleetwireError `outbox_full`,
   * `frame_too_large`, `too_deep` or `stopped`.
   */
  report<K extends ReportType>(type: K, payload: AgentPayloads[K]): void {
    if (this.#life === 'stopped') throw new FleetwireError('stopped', `${type}: the agent was stopped`)
    this.#say(type, payload)
  }

  /**
   * Asks a person. Rejects when `signal` aborts (pass the run's signal), or with FleetwireError `refused` when the
   * server does not accept the question. Report `interaction:applied` once the answer has taken effect.
   */
  ask(
    interaction: AgentPayloads['interaction:request'],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<InteractionAnswer> {
    this.report('interaction:request', interaction)
    return this.#questions.wait(interaction, signal)
  }

  /** Replaces an earlier terminal with the same id. Output starts at offset 0. */
  openTerminal(options: AgentTerminalOptions): AgentTerminal {
    return this.#terminals.open(options)
  }

  readonly #handlers: Handlers = {
    'connection:established': payload => this.#established(payload),
    'command:dispatch': payload => {
      this.#runner.dispatch(payload).catch(error => this.#log('error', messageOf(error)))
    },
    'command:interrupt': payload => {
      // Show the user everything written so far at once, however long the handler takes to stop.
      this.#uplink.flush()
      this.#runner.interrupt(payload)
    },
    'interaction:answer': payload => {
      if (!this.#questions.answer(payload)) this.#options.onAnswer?.(payload)
    },
    'terminal:input': ({ terminalId, ...input }) => this.#terminals.get(terminalId)?.input(input),
    'terminal:resize': ({ terminalId, cols, rows }) => this.#terminals.get(terminalId)?.requestResize(cols, rows),
    'terminal:ack': ({ terminalId, offset }) => this.#terminals.get(terminalId)?.read(offset),
    'terminal:resend': ({ terminalId, from }) => this.#terminals.get(terminalId)?.resend(from),
    'report:ack': ({ n }) => {
      this.#uplink.ack(n)
      this.#waiters.changed()
    },
    heartbeat: ({ cancel }) => this.#runner.cancel(cancel),
    error: error => this.#refused(error),
    'connection:closing': ({ reconnectAfterMs }) => this.#connection.closing(reconnectAfterMs),
  }

  #receive(text: string): void {
    const decoded = decodeAgentServerFrame(text)
    if (!decoded.ok) {
      this.#log('warn', 'received an invalid frame', { message: decoded.message })
      return
    }
    const handle = this.#handlers[decoded.frame.type] as (payload: unknown) => void
    handle(decoded.frame.payload)
  }

  #introduction(): AgentPayloads['agent:connect'] {
    const { name, kind, version, labels, maxConcurrency = 1, capabilities, handlers } = this.#options
    return {
      ...(name !== undefined && { name }),
      ...(kind !== undefined && { kind }),
      ...(version !== undefined && { version }),
      ...(labels !== undefined && { labels }),
      capabilities: { kinds: Object.keys(handlers), ...capabilities },
      maxConcurrency,
      bootId: this.bootId,
      connects: ++this.#connects,
      join: true,
      inventory: this.#runner.inventory(),
      terminals: this.#terminals.describe(),
    }
  }

  #established(established: AgentServerPayloads['connection:established']): void {
    this.#terminals.up()
    this.#uplink.open(established)
    this.#runner.connected(established.directives)
    this.#askAgain(() => true)
    this.#connection.established(established.heartbeatMs, {})
    this.#beat(established.heartbeatMs)
    this.#waiters.changed()
  }

  /**
   * When the server gives up on a run, it cancels the run's questions without notifying the agent, so a run that
   * continues after all would wait for ever. Asking an open or answered question again only makes the server send its
   * answer.
   */
  #askAgain(fits: (question: Question) => boolean): void {
    for (const question of this.#questions.waiting())
      if (fits(question)) this.#say('interaction:request', question, { exempt: true })
  }

  #down(): void {
    this.#uplink.close()
    this.#terminals.down()
    this.#heartbeat?.cancel()
  }

  #beat(heartbeatMs: number): void {
    this.#heartbeat?.cancel()
    this.#heartbeat = this.#clock.setTimeout(() => {
      this.#sendHeartbeat()
      this.#beat(heartbeatMs)
    }, heartbeatMs)
  }

  #refused(error: WireError): void {
    if (error.code === 'gap') {
      this.#uplink.gap()
      return
    }
    const { n } = (error.details ?? {}) as { n?: number }
    const question = error.retryable || n === undefined ? undefined : this.#uplink.questionOf(n)
    if (question !== undefined) this.#questions.refuse(question, error.message)
    this.#log('warn', 'the server refused a frame', { code: error.code, message: error.message })
    this.#options.onError?.(error)
  }

  #sendHeartbeat(): void {
    this.#sendNow('heartbeat', { running: this.#runner.running() })
  }

  #say<K extends AgentFrameType>(type: K, payload: AgentPayloads[K], options?: PushOptions): void {
    if (!isNumbered(type)) this.#uplink.latest(type, payload, ('sessionId' in payload && payload.sessionId) || '')
    else if (!type.startsWith('interaction:')) this.#uplink.push(type, payload, options)
    else
      this.#runner.reportInteraction({ type, payload } as InteractionReport, added =>
        this.#uplink.push(type, payload, { ...options, ...added }),
      )
  }

  /** Bypasses the queue and its pacing: the connection depends on these frames. */
  #sendNow<K extends 'agent:connect' | 'heartbeat'>(type: K, payload: AgentPayloads[K]): void {
    this.#connection.send(JSON.stringify({ type, payload }))
  }
}
