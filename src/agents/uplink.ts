import { type AgentFrame, type AgentPayloads, isNumbered, topics, type WireError, wireError } from '@fleetwire/protocol'
import { CommandChanges } from '../commands/command-changes.ts'
import type { Applied, CommandLedger } from '../commands/command-ledger.ts'
import type { Dispatcher } from '../commands/dispatcher.ts'
import type { InteractionService } from '../interactions/interaction-service.ts'
import type { ReportOutcome } from '../log/change-record.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import { notOfAgent } from '../outcome.ts'
import type { SessionService } from '../sessions/session-service.ts'
import { StreamDrafts } from '../sessions/stream-drafts.ts'
import type { StreamGate } from '../sessions/stream-gate.ts'
import type { TaskService } from '../tasks/task-service.ts'
import type { AgentConnection, AgentTerminals } from './agent-connection.ts'
import type { AgentRegistry } from './agent-registry.ts'
import { type Report, type ReportFrame, readReport } from './agent-reports.ts'
import { type UplinkRecord, uplinkTopic } from './agent-state.ts'
import { countUsage, type UsageRecord, usageTopic } from './usage.ts'

/** A frame, or the number of an invalid one, which was answered with an error and is consumed in its turn. */
export type Inbound = AgentFrame | { type: 'refused'; n: number }
type Numbered = ReportFrame | Extract<Inbound, { type: 'refused' }>
/** A report that adds events and changes nothing else. */
type EventReport = Extract<Report, { kind: 'events' | 'stream' }>
/** Why a batch was not stored: the log cannot accept now, or someone else changed a command in the meantime. */
type NotStored = number | 'conflict'

export interface UplinkServices {
  log: EventLog
  ledger: CommandLedger
  dispatcher: Dispatcher
  agents: AgentRegistry
  sessions: SessionService
  tasks: TaskService
  interactions: Pick<InteractionService, 'report' | 'hasOpen'>
  terminals: AgentTerminals
  /** How many rows of usage, one per source and model, are kept for one agent. */
  maxUsageModels: number
}

interface Concerns {
  commandId?: string
  taskId?: string
}

/** How many consecutive frames that add events, or change commands, share one append. */
export const BATCH_LIMIT = 256

/**
 * The numbered frames of one boot of an agent. A frame's content and number are stored in one append and then
 * acknowledged, so a frame that is resent after a disconnect is recognised, whichever side died in between.
 */
export class Uplink {
  readonly #agentId: string
  readonly #connection: AgentConnection
  readonly #services: UplinkServices
  readonly #bootId: string
  #storedN: number
  #exited = false

  constructor(
    agentId: string,
    connection: AgentConnection,
    services: UplinkServices,
    bootId: string,
    last: UplinkRecord | undefined,
  ) {
    this.#agentId = agentId
    this.#connection = connection
    this.#services = services
    this.#bootId = bootId
    this.#storedN = last?.bootId === bootId ? last.n : 0
  }

  /** The last number that is stored. */
  get storedN(): number {
    return this.#storedN
  }

  /** The agent has said goodbye. */
  get exited(): boolean {
    return this.#exited
  }

  /**
   * Handles the first frame of `inbox`, or several that add events or change commands, and removes them once they are
   * stored. Resolves with a delay, ms, if the log cannot accept now.
   */
  async take(inbox: Inbound[]): Promise<number | undefined> {
    const frame = inbox[0] as Numbered
    if (!this.#inTurn(frame)) {
      inbox.shift()
      return undefined
    }
    const n = frame.n ?? this.#storedN
    const position = this.#positionDrafts(n)
    const report = frame.type === 'refused' ? undefined : this.#read(frame)
    const batched = report && (await this.#takeBatch(inbox, report))
    if (batched !== undefined) return batched.retryAfterMs
    const result =
      frame.type === 'refused' || report === undefined
        ? await this.#store(position)
        : await this.#consume(frame, report, position)
    if (result !== undefined) return result
    this.#consumed(inbox, 1, n)
    return undefined
  }

  /**
   * Consumes the number of the first frame of `inbox`, whose type needs no number: agents that number everything must
   * not cause a gap. If it is new, the caller handles the frame. `retryAfterMs`: the log cannot accept now.
   */
  async pass(inbox: Inbound[]): Promise<{ isNew: boolean; retryAfterMs?: number | undefined }> {
    const frame = inbox[0]!
    const n = frame.n ?? this.#storedN
    if (!this.#inTurn(frame)) {
      inbox.shift()
      return { isNew: false }
    }
    const retryAfterMs = await this.#store(this.#positionDrafts(n))
    if (retryAfterMs !== undefined) return { isNew: false, retryAfterMs }
    this.#consumed(inbox, 1, n)
    return { isNew: true }
  }

  /** Reads what is stored: an append that was `unavailable` may have been written after all. */
  async reread(): Promise<void> {
    const last = (await this.#services.log.get(uplinkTopic(this.#agentId)))?.payload as UplinkRecord | undefined
    if (last?.bootId !== this.#bootId || last.n <= this.#storedN) return
    this.#storedN = last.n
    this.#exited ||= last.exited !== undefined
  }

  /** Whether `n` follows directly on the last number that is stored. */
  nextIs(n: number | undefined): n is number {
    return n === this.#storedN + 1
  }

  /** `draft(n)` was stored. */
  stored(n = this.#storedN): void {
    this.#storedN = n
  }

  /**
   * False for a frame that is already stored, which is acknowledged again, and for one after a gap, which is reported.
   */
  #inTurn(frame: Inbound): boolean {
    const { n } = frame
    if (n === undefined || this.nextIs(n)) return true
    if (n > this.#storedN) {
      this.#connection.error('gap', `n is ${n}; ${this.#storedN + 1} is missing. Resend from there.`, about(frame))
    }
    this.#connection.send('report:ack', { n: this.#storedN })
    return false
  }

  /**
   * Appends the report of the first frame (`first`) together with the following frames, up to one that does more than
   * add events or change a command in progress. An agent that runs many commands then waits for one commit for all acks
   * and results that gathered during the previous one. Undefined if the first frame must be handled alone.
   * `takesCommands`: false after someone else changed one of the commands.
   */
  async #takeBatch(
    inbox: Inbound[],
    first: Report,
    takesCommands = true,
  ): Promise<{ retryAfterMs: number | undefined } | undefined> {
    const drafts = new StreamDrafts()
    const gate = this.#services.sessions.gate(this.#agentId)
    const commands = new CommandChanges(this.#services.ledger, this.#agentId)
    const refused: [frame: AgentFrame, error: WireError][] = []
    let n = this.#storedN
    let count = 0
    for (const frame of inbox) {
      if (count === BATCH_LIMIT || frame.type === 'refused' || !isNumbered(frame.type)) break
      if (frame.n !== undefined && frame.n !== n + 1) break
      let flaw: WireError | undefined
      // The checks of the previous delta also cover one that continues the same text.
      if (drafts.isContinuedBy(frame)) {
        const { delta } = frame.payload
        flaw = gate.more(delta)
        if (flaw === undefined) drafts.goOn(delta)
      } else {
        const report = count === 0 ? first : this.#read(frame as ReportFrame)
        if (report.kind === 'command') {
          const draft = takesCommands ? commands.draftOf(report.commandId, report.event) : undefined
          if (draft === undefined) break
          drafts.add([draft])
        } else if (this.#onlyAdds(report)) flaw = addTo(drafts, gate, report) ?? this.#terminalFrame(frame)
        else break
      }
      if (flaw !== undefined) refused.push([frame, flaw])
      n = frame.n ?? n
      count++
    }
    if (count === 0) return undefined
    this.#services.dispatcher.heard(this.#agentId, commands.commandIds)
    const notStored = await this.#storeBatch([...drafts.take(), ...this.#positionDrafts(n)])
    if (notStored === 'conflict') return this.#takeBatch(inbox, first, false)
    if (notStored !== undefined) return { retryAfterMs: notStored }
    for (const [frame, error] of refused) this.#refuse(frame, error)
    this.#consumed(inbox, count, n)
    return { retryAfterMs: undefined }
  }

  async #storeBatch(drafts: EventDraft[]): Promise<NotStored | undefined> {
    if (drafts.length === 0) return undefined
    const appended = await this.#services.log.append(drafts)
    if (appended.status === 'ok') return undefined
    return appended.status === 'conflict' ? 'conflict' : appended.retryAfterMs
  }

  /**
   * True for reports that only add events: several of them share one append. The end of a message changes its session
   * too.
   */
  #onlyAdds(report: Report): report is EventReport {
    if (report.kind !== 'stream') return report.kind === 'events'
    const { type, payload } = report.event
    return type !== 'message:end' && this.#services.sessions.isActive(payload) && this.#isAboutOwn(payload)
  }

  /**
   * Whether the command and task that a message or tool call names are known to be the agent's, without reading the
   * disk.
   */
  #isAboutOwn({ commandId, taskId }: Concerns): boolean {
    const command = commandId === undefined ? undefined : this.#services.ledger.live(commandId)
    if (commandId !== undefined && command?.agentId !== this.#agentId) return false
    return taskId === undefined || taskId === command?.taskId
  }

  /** Refuses a report that names another agent's command or task, since it would appear to speak for that agent. */
  async #foreignConcern(concerns: Concerns): Promise<WireError | undefined> {
    if (this.#isAboutOwn(concerns)) return undefined
    const { commandId, taskId } = concerns
    const command = commandId === undefined ? undefined : await this.#services.ledger.get(commandId)
    if (command !== undefined && command.agentId !== this.#agentId) return notOfAgent(command.commandId)
    if (taskId === undefined || taskId === command?.taskId) return undefined
    const task = await this.#services.tasks.get(taskId)
    const isOwn = task?.agentId === undefined || task.agentId === this.#agentId
    return isOwn ? undefined : wireError('conflict', `Task "${taskId}" belongs to another agent.`)
  }

  /** Other entities that a report names must belong to the agent too. */
  async #foreignNamed(report: Report): Promise<WireError | undefined> {
    if (report.kind === 'stream') return this.#foreignConcern(report.event.payload)
    if (report.kind !== 'interaction' || report.report.verb !== 'request') return undefined
    const { sessionId } = report.report.request
    return sessionId === undefined ? undefined : this.#services.sessions.foreign(this.#of({ sessionId }))
  }

  #terminalFrame(frame: AgentFrame): WireError | undefined {
    if (frame.type === 'terminal:resize') return this.#services.terminals.resize(this.#agentId, frame.payload)
    if (frame.type === 'terminal:exit') this.#services.terminals.exit(this.#agentId, frame.payload)
    return undefined
  }

  /** Stores the report of a single frame. Resolves with a delay if the log cannot accept now. */
  async #consume(frame: ReportFrame, report: Report, position: EventDraft[]): Promise<number | undefined> {
    const { interactions, sessions, tasks } = this.#services
    const foreign = await this.#foreignNamed(report)
    if (foreign !== undefined) {
      this.#refuse(frame, foreign)
      return this.#store(position)
    }
    switch (report.kind) {
      case 'events':
        throw new Error('Events are taken in batches')
      case 'stream':
        return this.#told(frame, await sessions.stream(report.event, position))
      case 'session':
        return this.#told(frame, await sessions.report(this.#of(report), report.event, position))
      case 'state':
        return this.#told(frame, await sessions.state(this.#of(report), report.change, position))
      case 'command':
        return this.#aboutCommand(frame, report, position)
      case 'task':
        return this.#told(frame, await tasks.report({ ...report.report, agentId: this.#agentId }, position))
      case 'interaction':
        return this.#told(frame, await interactions.report(this.#agentId, report.report, position))
      case 'usage':
        return this.#countUsage(frame, report.report, position)
      case 'work':
        return this.#work(frame, report.report, position)
      case 'exit': {
        const closing = sessions.closing(this.#agentId)
        const retryAfterMs = await this.#store([...report.drafts, ...closing, this.draft(frame.n, report.reason)])
        if (retryAfterMs === undefined) this.#exited = true
        return retryAfterMs
      }
      case 'refused':
        this.#refuse(frame, report.error)
    }
    return this.#store(position)
  }

  /** Answers the agent with a service's outcome. The number is stored either way. */
  #told(frame: ReportFrame, outcome: ReportOutcome): number | undefined {
    if (outcome.status === 'unavailable') return outcome.retryAfterMs
    if (outcome.status === 'refused') this.#refuse(frame, outcome.error)
    return undefined
  }

  #refuse(frame: AgentFrame, { code, message, details }: WireError): void {
    const { id, details: numbered } = about(frame)
    const all = { ...(details as object | undefined), ...(numbered as object | undefined) }
    this.#connection.error(code, message, {
      ...(id !== undefined && { id }),
      ...(Object.keys(all).length > 0 && { details: all }),
    })
  }

  #of({ sessionId }: { sessionId: string }) {
    return { agentId: this.#agentId, sessionId }
  }

  /**
   * Stores the totals, the event and the number in one step. A request that was counted before only consumes its
   * number.
   */
  async #countUsage(
    frame: ReportFrame,
    report: AgentPayloads['usage:report'],
    position: EventDraft[],
  ): Promise<number | undefined> {
    const topic = usageTopic(this.#agentId)
    const known = await this.#services.log.get(topic)
    const counted = countUsage(known?.payload as UsageRecord | undefined, this.#agentId, report)
    if (counted === undefined) return this.#store(position)
    const { agentId, by } = counted
    const { maxUsageModels } = this.#services
    if (by.length > maxUsageModels) {
      const message = `Usage is already counted for ${maxUsageModels} models and sources: report under one of those.`
      this.#refuse(frame, wireError('too_large', message, { limit: maxUsageModels }))
      return this.#store(position)
    }
    return this.#store([
      { type: 'usage:counted', topic, payload: counted, record: 'set' },
      draftOf('usage:reported', topics.agentLog(agentId), { agentId, ...report }),
      ...position,
    ])
  }

  async #store(drafts: EventDraft[]): Promise<number | undefined> {
    if (drafts.length === 0) return undefined
    const appended = await this.#services.log.append(drafts)
    return appended.status === 'unavailable' ? appended.retryAfterMs : undefined
  }

  #read(frame: ReportFrame): Report {
    return readReport(frame, { agentId: this.#agentId, bootId: this.#bootId })
  }

  async #aboutCommand(
    frame: ReportFrame,
    { commandId, event }: Extract<Report, { kind: 'command' }>,
    position: EventDraft[],
  ): Promise<number | undefined> {
    const { ledger, dispatcher } = this.#services
    const known = await ledger.get(commandId)
    const own = known?.agentId === this.#agentId
    dispatcher.heard(this.#agentId, [commandId])
    // A frame with an unknown id still consumes its number.
    const applied: Applied = await ledger.apply(own ? commandId : '', event, position)
    if (applied.status === 'unavailable') return applied.retryAfterMs
    const attempt = 'attempt' in event ? event.attempt : 0
    const stop = () => this.#connection.send('command:interrupt', { commandId, attempt, force: false })
    if (applied.status === 'unknown') {
      this.#refuse(frame, notOfAgent(commandId))
      if (event.kind === 'ack') stop()
    } else if (applied.status === 'same' && applied.why === 'stale') {
      this.#connection.error(
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

  /**
   * `waiting` makes the named command wait for input, or all running ones if it names none; any other work ends the
   * wait. A report that names a command says nothing about the agent's other work.
   */
  async #work(
    frame: ReportFrame,
    { work, detail = '', evidence = 'reported', commandId }: AgentPayloads['agent:status'],
    position: EventDraft[],
  ): Promise<number | undefined> {
    const { agents, dispatcher, interactions, ledger } = this.#services
    const own = [...ledger.ofAgent(this.#agentId)].filter(
      command => (commandId ?? command.commandId) === command.commandId,
    )
    if (commandId === undefined) agents.reported(this.#agentId, { work, detail, evidence })
    else if (own.length === 0)
      this.#refuse(frame, wireError('not_found', `No command "${commandId}" of this agent is under way.`))
    else dispatcher.heard(this.#agentId, [commandId])
    for (const command of own) {
      if (command.status !== 'running') continue
      const wait = work === 'waiting' ? { wait: { evidence, detail } } : {}
      const isInteractionOpen = interactions.hasOpen(command.commandId)
      const applied = await ledger.apply(command.commandId, { kind: 'work-reported', isInteractionOpen, ...wait })
      if (applied.status === 'unavailable') return applied.retryAfterMs
    }
    return this.#store(position)
  }

  async #audit(message: string): Promise<void> {
    const payload = { agentId: this.#agentId, code: 'stale', message }
    await this.#services.log.append([draftOf('agent:error', topics.agentLog(this.#agentId), payload)])
  }

  #consumed(inbox: Inbound[], count: number, n: number): void {
    inbox.splice(0, count)
    if (n === this.#storedN) return
    this.#storedN = n
    this.#connection.send('report:ack', { n })
  }

  #positionDrafts(n: number): EventDraft[] {
    return n === this.#storedN ? [] : [this.draft(n)]
  }

  /** The draft that stores the position of this boot. */
  draft(n = this.#storedN, exited?: UplinkRecord['exited']): EventDraft {
    const payload: UplinkRecord = { bootId: this.#bootId, n, ...(exited !== undefined && { exited }) }
    return { type: 'uplink:stored', topic: uplinkTopic(this.#agentId), payload, record: 'set' }
  }
}

/** Why the report is not added. */
function addTo(drafts: StreamDrafts, gate: StreamGate, report: EventReport): WireError | undefined {
  if (report.kind === 'events') {
    drafts.add(report.drafts)
    return undefined
  }
  const admitted = gate.take(report.event)
  if (admitted.status === 'refused') return admitted.error
  for (const event of admitted.events) drafts.addEvent(event)
  return undefined
}

/** The fields that tie an error to the frame that it answers. */
export const about = (frame: { id?: string; n?: number }): { id?: string; details?: unknown } => ({
  ...(frame.id !== undefined && { id: frame.id }),
  ...(frame.n !== undefined && { details: { n: frame.n } }),
})
