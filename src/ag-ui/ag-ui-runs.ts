import { type Agent, type RunAgentInput, topics, type WireError, wireError } from '@fleetwire/protocol'
import type { Actor, Caller } from '../caller.ts'
import type { Clock } from '../clock.ts'
import type { AgentDirectory } from '../commands/agent-directory.ts'
import type { CommandLedger } from '../commands/command-ledger.ts'
import type { CommandQueue } from '../commands/command-queue.ts'
import type { InteractionService } from '../interactions/interaction-service.ts'
import { encodeCursor } from '../log/cursor.ts'
import type { EventLog } from '../log/event-log.ts'
import { notFound, type Refused, refused, unavailable } from '../outcome.ts'
import { stateTopic } from '../sessions/open-messages.ts'
import type { SessionService } from '../sessions/session-service.ts'
import type { AgUiMessage } from './ag-ui-event.ts'
import { type AgUiRun, type AgUiThread, idOf, runTopic, threadTopic } from './ag-ui-run.ts'
import { readHistory } from './history.ts'
import { type Answer, answerOf, type ResumeEntry } from './interrupts.ts'
import { knownMessages, mergedMessages } from './messages.ts'
import { type NewInput, newInput } from './new-input.ts'
import {
  gone,
  inputOf,
  isFilled,
  kindOf,
  NOTHING,
  offline,
  patternsOf,
  recordDraft,
  saidBy,
  titleOf,
  unwrapped,
} from './new-run.ts'
import { RunFold } from './run-fold.ts'

/** A run, and the log position where its command's events start. */
export interface FoundRun {
  run: AgUiRun
  /** A cursor. */
  after: string
  /** The messages of the thread up to that position, as far as the log has them. */
  history(): Promise<readonly AgUiMessage[]>
}

export type Opened =
  /** `isNew`: this request started the run. */
  | ({ status: 'run'; isNew: boolean } & FoundRun)
  /** The agent is not asked anything: the client gets the contents of the thread. */
  | { status: 'nothing'; messages: AgUiMessage[]; state: unknown }
  | Refused

export interface AgUiRunsOptions {
  log: EventLog
  clock: Clock
  commandQueue: CommandQueue
  ledger: Pick<CommandLedger, 'live'>
  agents: Pick<AgentDirectory, 'has'> & { get(agentId: string): Agent | undefined }
  sessions: SessionService
  interactions: InteractionService
  /** How long the mapping from a run to its command is kept, ms. */
  retentionMs: number
}

type Asker = Caller & { actor: Actor }

const PAGE = 500

/**
 * AG-UI runs on top of commands, sessions and interactions. All of its knowledge is in the log: which command a run
 * belongs to, and which run of a thread is the newest.
 */
export class AgUiRuns {
  readonly #options: AgUiRunsOptions

  constructor(options: AgUiRunsOptions) {
    this.#options = options
  }

  async find(agentId: string, runId: string): Promise<FoundRun | undefined> {
    const record = await this.#options.log.get(runTopic(agentId, runId))
    return record && this.#found(record.payload as AgUiRun, record.version)
  }

  /** The newest run of a thread. */
  async latest(agentId: string, threadId: string): Promise<FoundRun | undefined> {
    const record = await this.#options.log.get(threadTopic(agentId, idOf(threadId)))
    return record && this.find(agentId, (record.payload as AgUiThread).runId)
  }

  /** Whether the log still has the events from the start of a run on. */
  async isKept({ run, after }: FoundRun): Promise<boolean> {
    const read = await this.#options.log.read({ topics: [topics.command(run.agentId, run.commandId)], after, limit: 1 })
    return read.status === 'ok'
  }

  /**
   * Starts the run that a client requests, or finds it. A run that it starts is on disk. Runs of one thread are
   * sequential.
   */
  async open(agentId: string, input: RunAgentInput, caller: Asker): Promise<Opened> {
    const closed = this.#options.commandQueue.closed
    if (closed !== undefined) return refused(closed)
    if (!this.#options.agents.has(agentId)) return refused(notFound('agent', agentId))
    for (;;) {
      const opened = await this.#open(agentId, input, caller)
      // Another run of the thread was started in the meantime: look again.
      if (opened !== 'conflict') return opened
    }
  }

  /** Interrupts the newest run of a thread. False if that run is not active. */
  async stop(agentId: string, threadId: string, caller: Asker): Promise<boolean | WireError> {
    const found = await this.latest(agentId, threadId)
    if (found === undefined || this.#options.ledger.live(found.run.commandId) === undefined) return false
    const outcome = await this.#options.commandQueue.interrupt(found.run.commandId, {
      ...caller,
      reason: 'stopped by the client',
    })
    return outcome.status === 'refused' ? outcome.error : true
  }

  /** The contents of a thread, for a client that asks nothing of the agent. */
  async contents(
    agentId: string,
    threadId: string,
    own: RunAgentInput['messages'] = [],
  ): Promise<Extract<Opened, { status: 'nothing' }>> {
    const { log } = this.#options
    const of = { agentId, sessionId: idOf(threadId) }
    return {
      status: 'nothing',
      messages: mergedMessages(knownMessages(own), await readHistory(log, of, Number.POSITIVE_INFINITY)),
      state: await this.#stateOf(of),
    }
  }

  async #open(agentId: string, input: RunAgentInput, caller: Asker): Promise<Opened | 'conflict'> {
    const { log } = this.#options
    const { threadId, runId } = input
    const known = await this.find(agentId, runId)
    if (known !== undefined) {
      if (known.run.threadId === threadId) return { status: 'run', isNew: false, ...withMessages(known, input) }
      return refused(
        wireError('conflict', `The runId "${runId}" belongs to a run of another thread: choose a new one.`),
      )
    }
    const record = await log.get(threadTopic(agentId, idOf(threadId)))
    const thread: Thread = { record: record?.payload as AgUiThread | undefined, version: record?.version ?? 0 }
    const latest = thread.record && (await this.find(agentId, thread.record.runId))
    if (latest !== undefined && (input.resume?.length ?? 0) > 0) {
      const resumed = await this.#resume(latest, thread, input, caller)
      if (resumed !== undefined) return resumed
    }
    const busy = latest && this.#options.ledger.live(latest.run.commandId)
    const asked = newInput(input.messages, thread.record?.given ?? [])
    if (asked === undefined && (thread.record !== undefined || input.messages.length > 0))
      return this.contents(agentId, threadId, input.messages)
    if (busy !== undefined) return refused(await this.#busy(latest!))
    return this.#begin(agentId, input, asked ?? NOTHING, thread, caller)
  }

  async #begin(
    agentId: string,
    input: RunAgentInput,
    asked: NewInput,
    thread: Thread,
    caller: Asker,
  ): Promise<Opened | 'conflict'> {
    const { agents, commandQueue, sessions, clock, retentionMs } = this.#options
    const agent = agents.get(agentId)
    if (agent === undefined) return refused(notFound('agent', agentId))
    if (agent.link === 'offline') return refused(offline(agent))
    const { threadId, runId, protocolVersion } = input
    const sessionId = idOf(threadId)
    const of = { agentId, sessionId }
    const flaw = (await sessions.foreign(of)) ?? (await this.#prepare(of, input, asked, thread))
    if (flaw !== undefined) return refused(flaw)
    const state = await this.#stateOf(of)
    const kind = kindOf(agent)
    const expiresAt = clock.now() + retentionMs
    let run: AgUiRun | undefined
    const result = await commandQueue.submitAll(
      [{ agentId, kind, input: inputOf(kind, input, asked), sessionId, createdBy: caller.actor.by }],
      ([command]) => {
        const { commandId } = command!
        run = {
          ...{ runId, threadId, agentId, sessionId, commandId, segment: 0, state },
          ...(typeof protocolVersion === 'string' && { protocolVersion }),
          tools: (input.tools ?? []).map(({ name }) => name),
        }
        const newest: AgUiThread = { threadId, agentId, runId, commandId, given: asked.given }
        return [
          { ...recordDraft(threadTopic(agentId, sessionId), newest, expiresAt), expect: thread.version },
          ...asked.messages.flatMap(message => saidBy(message, { ...of, commandId })),
          // Last, since the events after this record are the run's.
          recordDraft(runTopic(agentId, runId), run, expiresAt),
        ]
      },
    )
    if (result === 'conflict') return result
    if (result.status === 'refused') return refused(unwrapped(result.error))
    const begun = await this.find(agentId, runId)
    if (begun === undefined) throw new Error(`The record of run "${runId}" is missing`)
    const history = knownMessages(input.messages)
    return { status: 'run', isNew: true, ...begun, history: async () => history }
  }

  /** Creates the session before its first run, with the state that the client brings to a new thread. */
  async #prepare(
    of: { agentId: string; sessionId: string },
    { state }: RunAgentInput,
    { text }: NewInput,
    thread: Thread,
  ): Promise<WireError | undefined> {
    const { log, sessions } = this.#options
    if (thread.record !== undefined) return undefined
    const known = await sessions.get(of.sessionId, agentId => agentId === of.agentId)
    const title = known === undefined && titleOf(text)
    const started = await sessions.report(of, { kind: 'start', fields: title ? { title } : {} }, [])
    if (started.status === 'unavailable') return unavailable(started)
    if (started.status === 'refused') return started.error
    if (!isFilled(state) || (await log.get(stateTopic(of.agentId, of.sessionId))) !== undefined) return undefined
    const stored = await sessions.state(of, { kind: 'snapshot', snapshot: state }, [])
    if (stored.status === 'unavailable') return unavailable(stored)
    return stored.status === 'refused' ? stored.error : undefined
  }

  /**
   * Answers the questions that the thread's command waits for, and starts its next run. Undefined if no entry is about
   * that command.
   */
  async #resume(
    latest: FoundRun,
    thread: Thread,
    { resume, runId, threadId, protocolVersion, tools, messages }: RunAgentInput,
    caller: Asker,
  ): Promise<Opened | 'conflict' | undefined> {
    const { interactions, commandQueue, clock, log, retentionMs } = this.#options
    const fold = await this.#foldAll(latest)
    if (fold === undefined) return refused(gone())
    const entries = (resume ?? []).filter(({ interruptId: id }) => fold.askedIn(id) !== undefined || fold.isOpen(id))
    const segments = entries.flatMap(({ interruptId }) => fold.askedIn(interruptId) ?? [])
    if (segments.length === 0) return undefined
    const missing = fold.waitsFor().filter(id => !entries.some(({ interruptId }) => interruptId === id))
    if (missing.length > 0) {
      const message = `resume must answer every open interrupt: ${missing.join(', ')} is missing.`
      return refused(wireError('invalid_request', message, { missing }))
    }
    const answers: { id: string; answer: Exclude<Answer, { to: 'refuse' }> }[] = []
    for (const entry of entries) {
      const interaction = await interactions.get(entry.interruptId, id => id === latest.run.agentId)
      if (interaction?.state !== 'open') continue
      const answer = answerOf(interaction, entry as ResumeEntry)
      if (answer.to === 'refuse') return refused(answer.error)
      answers.push({ id: entry.interruptId, answer })
    }
    // Questions that have not ended a run go first; otherwise they would end the next run, after the others.
    const isAsked = ({ id }: { id: string }) => Number(fold.askedIn(id) !== undefined)
    for (const { id, answer } of answers.toSorted((a, b) => isAsked(a) - isAsked(b))) {
      const flaw =
        answer.to === 'stop'
          ? await commandQueue.interrupt(latest.run.commandId, { ...caller, reason: 'its question was cancelled' })
          : await interactions.respond(
              id,
              { ...answer.answer, ...(answer.digest !== undefined && { digest: answer.digest }) },
              caller,
            )
      // Another answer came first: it counts, and the run continues with it.
      if (flaw.status === 'refused' && flaw.error.code !== 'conflict') return flaw
    }
    const { agentId, sessionId, commandId } = latest.run
    const { protocolVersion: _, ...before } = latest.run
    const run: AgUiRun = {
      ...{ ...before, runId, segment: Math.max(...segments) + 1 },
      from: latest.run.from ?? seqAfter(latest),
      tools: [...new Set([...latest.run.tools, ...(tools ?? []).map(({ name }) => name)])],
      ...(typeof protocolVersion === 'string' && { protocolVersion }),
    }
    const newest: AgUiThread = { given: [], ...thread.record, threadId, agentId, runId, commandId }
    const expiresAt = clock.now() + retentionMs
    const appended = await log.append([
      { ...recordDraft(threadTopic(agentId, sessionId), newest, expiresAt), expect: thread.version },
      recordDraft(runTopic(agentId, runId), run, expiresAt),
    ])
    if (appended.status === 'conflict') return 'conflict'
    if (appended.status === 'unavailable') return refused(unavailable(appended))
    return { status: 'run', isNew: true, ...this.#found(run, 0), history: async () => knownMessages(messages) }
  }

  /** Folds all events of a run's command so far. Undefined if the log no longer has the start of the command. */
  async #foldAll({ run, after }: FoundRun): Promise<RunFold | undefined> {
    const { log } = this.#options
    const fold = new RunFold({ ...run, segment: Number.POSITIVE_INFINITY }, [])
    fold.begin()
    for (let position = after; ; ) {
      const page = await log.read({ topics: patternsOf(run), after: position, limit: PAGE })
      if (page.status === 'gone') return undefined
      for (const event of page.events) fold.apply(event)
      if (page.done) return fold
      position = page.next
    }
  }

  async #busy(latest: FoundRun): Promise<WireError> {
    const { run } = latest
    const waits = (await this.#foldAll(latest))?.waitsFor() ?? []
    const what =
      waits.length > 0
        ? `Run "${run.runId}" of this thread waits for an answer: send resume with ${waits.join(', ')}.`
        : `Run "${run.runId}" of this thread is active: wait for its end, stop it, or join it by its runId.`
    const { runId, commandId } = run
    return wireError('conflict', what, { runId, commandId, ...(waits.length > 0 && { interrupts: waits }) })
  }

  async #stateOf({ agentId, sessionId }: { agentId: string; sessionId: string }): Promise<unknown> {
    const record = await this.#options.log.get(stateTopic(agentId, sessionId))
    return (record?.payload as { snapshot: unknown } | undefined)?.snapshot ?? {}
  }

  #found(run: AgUiRun, version: number): FoundRun {
    const from = run.from ?? version
    const { log } = this.#options
    return { run, after: encodeCursor(log.epoch, from), history: () => readHistory(log, run, from) }
  }
}

interface Thread {
  record: AgUiThread | undefined
  version: number
}

const seqAfter = ({ after }: FoundRun): number => Number.parseInt(after.split('.')[1]!, 36)

/** Adds the messages that the client sends to the history. */
const withMessages = (found: FoundRun, { messages }: RunAgentInput): FoundRun => ({
  ...found,
  history: async () => mergedMessages(knownMessages(messages), await found.history()),
})
