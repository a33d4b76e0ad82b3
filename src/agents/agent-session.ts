import {
  type AgentFrame,
  type AgentPayloads,
  type AgentServerFrameType,
  type AgentServerPayloads,
  type CloseCode,
  type ErrorCode,
  isNumbered,
  topics,
} from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import type { Applied, CommandLedger } from '../commands/command-ledger.ts'
import type { Dispatcher } from '../commands/dispatcher.ts'
import { Deadlines } from '../deadlines.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import type { AgentRegistry, AgentSocket } from './agent-registry.ts'
import { type Report, type ReportFrame, readReport } from './agent-reports.ts'
import { lifecycleOnConnect, type UplinkRecord, uplinkTopic } from './agent-state.ts'
import { type Directive, judge } from './reconcile.ts'

/** The socket of one agent, after the token was checked. */
export interface AgentPort {
  readonly id: string
  send<K extends AgentServerFrameType>(type: K, payload: AgentServerPayloads[K]): void
  error(code: ErrorCode, message: string, about?: { id?: string; details?: unknown }): void
  close(code: CloseCode, reason: string, options?: { reconnectAfterMs?: number }): void
}

/** Where terminal frames go: they stand in no log. */
export interface AgentTerminals {
  attach(agentId: string, port: AgentPort, terminals: NonNullable<AgentPayloads['agent:connect']['terminals']>): void
  detach(agentId: string, port: AgentPort): void
  output(agentId: string, payload: AgentPayloads['terminal:output']): void
  resize(agentId: string, payload: AgentPayloads['terminal:resize']): void
  exit(agentId: string, payload: AgentPayloads['terminal:exit']): void
}

export interface AgentSessionServices {
  log: EventLog
  ledger: CommandLedger
  dispatcher: Dispatcher
  agents: AgentRegistry
  terminals: AgentTerminals
  clock: Clock
  heartbeatMs: number
  limits: AgentServerPayloads['connection:established']['limits']
  onFault(error: unknown): void
}

const HELLO_DEADLINE_MS = 10_000
/** How long resent frames may take to arrive before commands that the inventory lacks count as denied. */
const RESEND_GRACE_MS = 1000
/** Frames that may wait while the log cannot accept. */
const INBOX_LIMIT = 2000
/** Events of consecutive frames that are joined into one append. */
const BATCH_LIMIT = 64

/** A frame, or the number of one that was refused: answered with an error, it is consumed in its turn. */
type Inbound = AgentFrame | { type: 'refused'; n: number }

type State =
  | { at: 'waiting' }
  | { at: 'greeting' }
  | { at: 'ready'; bootId: string; storedN: number; connectedAt: number; exited: boolean }
  | { at: 'closed' }

type Ready = Extract<State, { at: 'ready' }>
type Numbered = ReportFrame | Extract<Inbound, { type: 'refused' }>

/**
 * One connection of an agent: its hello, then its frames, strictly in the order in which they came. A numbered frame is
 * acknowledged when what it says is on disk, and its number is stored in the same append, so that a frame that is sent
 * again is known.
 */
export class AgentSession {
  readonly #agentId: string
  readonly #port: AgentPort
  readonly #socket: AgentSocket
  readonly #services: AgentSessionServices
  readonly #deadlines: Deadlines
  readonly #inbox: Inbound[] = []
  #state: State = { at: 'waiting' }
  #draining = false
  #settled: Promise<void> = Promise.resolve()

  constructor(agentId: string, port: AgentPort, services: AgentSessionServices) {
    this.#agentId = agentId
    this.#port = port
    this.#services = services
    this.#socket = {
      send: (type, payload) => port.send(type, payload),
      close: (code, reason) => port.close(code, reason),
      settled: () => this.#settled,
    }
    this.#deadlines = new Deadlines(services.clock)
    this.#deadlines.set('hello', HELLO_DEADLINE_MS, () => port.close(4408, 'No agent:connect within 10 s.'))
  }

  onFrame(frame: AgentFrame): void {
    if (this.#state.at === 'closed') return
    if (this.#state.at === 'waiting') {
      if (frame.type !== 'agent:connect') {
        this.#port.error('not_ready', `Send agent:connect before ${frame.type}.`, about(frame))
        return
      }
      this.#state = { at: 'greeting' }
      this.#deadlines.clear('hello')
    } else if (frame.type === 'agent:connect') {
      this.#port.error('conflict', 'agent:connect was received already on this connection.', about(frame))
      return
    }
    this.#services.agents.heard(this.#agentId)
    this.#take(frame)
  }

  /** A frame was not valid and the agent was told; its number counts as consumed. */
  onRefused(n: number): void {
    if (this.#state.at === 'greeting' || this.#state.at === 'ready') this.#take({ type: 'refused', n })
  }

  #take(inbound: Inbound): void {
    if (this.#inbox.push(inbound) <= INBOX_LIMIT) this.#wake()
    else this.#port.close(1012, 'The log does not accept; frames wait at the agent.', { reconnectAfterMs: 1000 })
  }

  onClose(): void {
    const state = this.#state
    if (state.at === 'closed') return
    this.#state = { at: 'closed' }
    this.#deadlines.clearAll()
    this.#inbox.length = 0
    const { agents, dispatcher, terminals } = this.#services
    if (!agents.isCurrent(this.#agentId, this.#socket)) return
    agents.disconnect(this.#agentId, this.#socket, state.at === 'ready' && state.exited)
    terminals.detach(this.#agentId, this.#port)
    dispatcher.linkDown(this.#agentId).catch(this.#services.onFault)
  }

  #wake(): void {
    if (!this.#draining) this.#settled = this.#drain()
  }

  async #drain(): Promise<void> {
    this.#draining = true
    try {
      while (this.#inbox.length > 0 && (this.#state.at === 'greeting' || this.#holdsAgent())) {
        const retryAfterMs = await this.#next()
        if (retryAfterMs === undefined) continue
        this.#deadlines.set('retry', retryAfterMs, () => this.#wake())
        return
      }
    } catch (error) {
      this.#services.onFault(error)
      this.#port.close(1012, 'An internal fault; it was logged.', { reconnectAfterMs: 1000 })
    } finally {
      this.#draining = false
    }
  }

  /** Handles the first frame, or several that only add events. Resolves with a delay when the log cannot accept now. */
  async #next(): Promise<number | undefined> {
    const frame = this.#inbox[0]!
    if (frame.type === 'agent:connect') {
      this.#inbox.shift()
      await this.#greet(frame.payload)
      return undefined
    }
    if (this.#state.at !== 'ready') throw new Error(`${frame.type} before the hello was handled`)
    if (frame.type !== 'refused' && !isNumbered(frame.type)) {
      this.#inbox.shift()
      this.#unnumbered(frame)
      return undefined
    }
    return this.#numbered(frame as Numbered, this.#state)
  }

  async #greet(hello: AgentPayloads['agent:connect']): Promise<void> {
    const { log, agents, ledger, dispatcher, terminals, clock } = this.#services
    await agents.claim(this.#agentId, this.#socket)
    const last = (await log.get(uplinkTopic(this.#agentId)))?.payload as UplinkRecord | undefined
    const storedN = last?.bootId === hello.bootId ? last.n : 0
    const life = lifecycleOnConnect(hello.bootId, last).map(payload =>
      draftOf('agent:lifecycle', topics.agentLog(this.#agentId), { agentId: this.#agentId, ...payload }),
    )
    if (!this.#holdsAgent()) return
    const appended = await agents.connect(this.#agentId, hello, [...life, this.#uplinkDraft(hello.bootId, storedN)])
    if (!this.#holdsAgent()) return
    if (appended.status !== 'ok') {
      this.#port.error('unavailable', 'The log cannot accept now; connect again.')
      this.#port.close(1012, 'The log cannot accept now.', { reconnectAfterMs: 1000 })
      return
    }
    const inventory = hello.inventory ?? []
    const directives: Directive[] = []
    for (const item of inventory) {
      const command = await ledger.get(item.commandId)
      const { directive, linkBack } = judge(item, command?.agentId === this.#agentId ? command : undefined)
      directives.push(directive)
      if (linkBack !== undefined) await ledger.apply(item.commandId, { kind: 'link-back', ...linkBack })
    }
    if (!this.#holdsAgent()) return
    const connectedAt = clock.monotonic()
    this.#state = { at: 'ready', bootId: hello.bootId, storedN, connectedAt, exited: false }
    this.#port.send('connection:established', {
      agentId: this.#agentId,
      connectionId: this.#port.id,
      heartbeatMs: this.#services.heartbeatMs,
      ackedN: storedN,
      directives,
      serverTime: clock.now(),
      limits: this.#services.limits,
    })
    terminals.attach(this.#agentId, this.#port, hello.terminals ?? [])
    this.#deadlines.set('reconcile', RESEND_GRACE_MS, () => void this.#denyMissing().catch(this.#services.onFault))
    agents.ready(this.#agentId, this.#socket)
    dispatcher.heard(inventory.map(item => item.commandId))
    dispatcher.linkUp(this.#agentId)
  }

  /** What was under way and the agent neither listed nor spoke of since, it does not have. */
  async #denyMissing(): Promise<void> {
    const { ledger, dispatcher, agents } = this.#services
    if (this.#state.at !== 'ready') return
    const { connectedAt } = this.#state
    const lastSeenAt = agents.lastSeenAt(this.#agentId)
    for (const { commandId, status } of [...ledger.ofAgent(this.#agentId)]) {
      const heard = (dispatcher.heardAt(commandId) ?? 0) >= connectedAt
      if (status === 'running' && !heard) await ledger.apply(commandId, { kind: 'denied', lastSeenAt })
    }
  }

  #unnumbered(frame: AgentFrame): void {
    const { dispatcher, terminals, log } = this.#services
    switch (frame.type) {
      case 'heartbeat':
        dispatcher.heard(frame.payload.running ?? [])
        this.#port.send('heartbeat', { cancel: dispatcher.cancelling(this.#agentId) })
        break
      case 'agent:metrics': {
        const draft = draftOf('agent:metrics', topics.agentMetrics(this.#agentId), {
          ...frame.payload,
          agentId: this.#agentId,
        })
        log.append([draft]).catch(this.#services.onFault)
        break
      }
      case 'terminal:output':
        terminals.output(this.#agentId, frame.payload)
        break
      default:
        this.#port.error('unknown_type', `This server does not keep ${frame.type}.`, about(frame))
    }
  }

  async #numbered(frame: Numbered, state: Ready): Promise<number | undefined> {
    if (frame.n !== undefined && frame.n <= state.storedN) {
      this.#inbox.shift()
      this.#port.send('report:ack', { n: state.storedN })
      return undefined
    }
    if (frame.n !== undefined && frame.n > state.storedN + 1) {
      this.#inbox.shift()
      this.#port.error('gap', `n is ${frame.n}; ${state.storedN + 1} is missing. Send again from there.`, about(frame))
      this.#port.send('report:ack', { n: state.storedN })
      return undefined
    }
    const n = frame.n ?? state.storedN
    const position = this.#positionDrafts(state, n)
    const report = frame.type === 'refused' ? undefined : this.#read(frame, state)
    if (report?.kind === 'events') return this.#appendEvents(state)
    const result =
      frame.type === 'refused' || report === undefined
        ? await this.#store(position)
        : await this.#consume(frame, report, position)
    if (result !== undefined) return result
    this.#consumed(state, 1, n)
    return undefined
  }

  /** Joins the events of this frame and of those right behind it that only add events. */
  async #appendEvents(state: Ready): Promise<number | undefined> {
    const drafts: EventDraft[] = []
    let n = state.storedN
    let count = 0
    for (const frame of this.#inbox) {
      if (count === BATCH_LIMIT || frame.type === 'refused' || !isNumbered(frame.type)) break
      if (frame.n !== undefined && frame.n !== n + 1) break
      const report = this.#read(frame as ReportFrame, state)
      if (report.kind !== 'events') break
      drafts.push(...report.drafts)
      this.#terminalFrame(frame)
      n = frame.n ?? n
      count++
    }
    const retryAfterMs = await this.#store([...drafts, ...this.#positionDrafts(state, n)])
    if (retryAfterMs !== undefined) return retryAfterMs
    this.#consumed(state, count, n)
    return undefined
  }

  #terminalFrame(frame: AgentFrame): void {
    if (frame.type === 'terminal:resize') this.#services.terminals.resize(this.#agentId, frame.payload)
    else if (frame.type === 'terminal:exit') this.#services.terminals.exit(this.#agentId, frame.payload)
  }

  /** Stores what a single frame reports. Resolves with a delay when the log cannot accept now. */
  async #consume(
    frame: ReportFrame,
    report: Exclude<Report, { kind: 'events' }>,
    position: EventDraft[],
  ): Promise<number | undefined> {
    const { agents } = this.#services
    switch (report.kind) {
      case 'command':
        return this.#aboutCommand(frame, report, position)
      case 'work':
        agents.reported(this.#agentId, report.report)
        break
      case 'exit': {
        const state = this.#state as Ready
        const uplink = this.#uplinkDraft(state.bootId, frame.n ?? state.storedN, report.reason)
        const retryAfterMs = await this.#store([...report.drafts, uplink])
        if (retryAfterMs === undefined) state.exited = true
        return retryAfterMs
      }
      case 'refused':
        this.#port.error(report.error.code, report.error.message, about(frame))
    }
    return this.#store(position)
  }

  async #store(drafts: EventDraft[]): Promise<number | undefined> {
    if (drafts.length === 0) return undefined
    const appended = await this.#services.log.append(drafts)
    return appended.status === 'unavailable' ? appended.retryAfterMs : undefined
  }

  #read(frame: ReportFrame, { bootId }: Ready): Report {
    return readReport(frame, { agentId: this.#agentId, bootId })
  }

  async #aboutCommand(
    frame: ReportFrame,
    { commandId, event }: Extract<Report, { kind: 'command' }>,
    position: EventDraft[],
  ): Promise<number | undefined> {
    const { ledger, dispatcher } = this.#services
    const known = await ledger.get(commandId)
    const own = known?.agentId === this.#agentId
    if (own) dispatcher.heard([commandId])
    // An unknown id still consumes the frame's number.
    const applied: Applied = await ledger.apply(own ? commandId : '', event, position)
    if (applied.status === 'unavailable') return applied.retryAfterMs
    const attempt = 'attempt' in event ? event.attempt : 0
    const stop = () => this.#port.send('command:interrupt', { commandId, attempt, force: false })
    if (applied.status === 'unknown') {
      this.#port.error('not_found', `There is no command "${commandId}" of this agent.`, about(frame))
      if (event.kind === 'ack') stop()
    } else if (applied.status === 'same' && applied.why === 'stale') {
      this.#port.error(
        'stale',
        `Attempt ${attempt} of "${commandId}" was replaced by attempt ${applied.command.attempt}.`,
        about(frame),
      )
      await this.#audit(
        `${frame.type} of ${commandId} named attempt ${attempt}; the current one is ${applied.command.attempt}.`,
      )
    } else if (
      applied.status === 'same' &&
      applied.why === 'final' &&
      (event.kind === 'ack' || event.kind === 'progress')
    )
      stop()
    return undefined
  }

  async #audit(message: string): Promise<void> {
    const payload = { agentId: this.#agentId, code: 'stale', message }
    await this.#services.log.append([draftOf('agent:error', topics.agentLog(this.#agentId), payload)])
  }

  #consumed(state: Ready, count: number, n: number): void {
    this.#inbox.splice(0, count)
    if (n === state.storedN) return
    state.storedN = n
    this.#port.send('report:ack', { n })
  }

  #positionDrafts({ bootId, storedN }: Ready, n: number): EventDraft[] {
    return n === storedN ? [] : [this.#uplinkDraft(bootId, n)]
  }

  #uplinkDraft(bootId: string, n: number, exited?: UplinkRecord['exited']): EventDraft {
    const payload: UplinkRecord = { bootId, n, ...(exited !== undefined && { exited }) }
    return { type: 'uplink:stored', topic: uplinkTopic(this.#agentId), payload, record: 'set' }
  }

  /** False once the socket closed or a newer one took over: look again after every wait. What is not handled is sent again there. */
  #holdsAgent(): boolean {
    return this.#state.at !== 'closed' && this.#services.agents.isCurrent(this.#agentId, this.#socket)
  }
}

const about = (frame: { id?: string; n?: number }): { id?: string; details?: unknown } => ({
  ...(frame.id !== undefined && { id: frame.id }),
  ...(frame.n !== undefined && { details: { n: frame.n } }),
})
