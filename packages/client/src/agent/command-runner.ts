import type { AgentFrameType, AgentPayloads, AgentServerPayloads, CommandOutcome } from '@fleetwire/protocol'
import { messageOf } from '../errors.ts'
import type { CommandJournal, DispatchedCommand, FinishedCommand, InteractionEnd, JournalEntry } from '../journal.ts'
import type { Log } from '../log.ts'
import { ActiveRun, type CommandHandler } from './command-run.ts'
import { fitOutcome } from './fit-outcome.ts'
import type { PushOptions } from './outbox.ts'

export interface CommandRunnerOptions {
  journal: CommandJournal
  handlers: Readonly<Record<string, CommandHandler>>
  maxConcurrency: number
  log: Log
  report<K extends AgentFrameType>(type: K, payload: AgentPayloads[K], options?: PushOptions): void
  /** Whether a result with this many bytes of JSON fits the frame limit. */
  fits(jsonBytes: number): boolean
  /** The server gave up on this run, or may have, and now knows that it continues. */
  continued(commandId: string): void
  /** A run has ended. */
  ended(): void
}

/** A question of a run, or how it ended. */
export type InteractionReport =
  | { type: 'interaction:request'; payload: AgentPayloads['interaction:request'] }
  | InteractionEnd

type Entry =
  /** `active`: being written to the journal, or running. */
  | { state: 'active'; run: ActiveRun }
  /** `unacked`: number of results in the outbox that the server has not stored. */
  | ({ state: 'finished'; unacked: number } & Omit<FinishedCommand, 'commandId'>)
  /** An earlier process accepted the command and died; its progress is unknown. */
  | { state: 'orphan'; attempt: number }

type Finished = Extract<Entry, { state: 'finished' }>

/** How many finished commands are remembered, in case the server dispatches one again. */
const MAX_KEPT = 5_000
/** How many finished commands an inventory lists: it must fit into one frame. */
const MAX_LISTED = 1_000

/**
 * Accepts each command once: writes it to the journal before acknowledging it, runs it once, and keeps the result until
 * the server has it. Anything that arrives twice is answered from memory.
 */
export class CommandRunner {
  readonly #options: CommandRunnerOptions
  readonly #entries = new Map<string, Entry>()
  /**
   * Attempts of interrupted commands that have not arrived. An interrupt overtakes a dispatch, and a command that it
   * cancelled must not start.
   */
  readonly #cancelled = new Map<string, number>()
  /** Results of an earlier process that the server may lack: reported once its limits are known. */
  #restored: string[] = []
  /** Rejected attempts, until the server has stored the rejection. */
  readonly #rejected = new Map<string, number>()
  #accepts = true

  constructor(options: CommandRunnerOptions) {
    this.#options = options
  }

  /**
   * Restores the state of an earlier process: undelivered results are reported again, the rest only prevents a second
   * run.
   */
  restore(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      if (entry.state === 'accepted') {
        this.#entries.set(entry.commandId, { state: 'orphan', attempt: entry.attempt })
        continue
      }
      const { commandId, delivered, ...finished } = entry
      this.#entries.set(commandId, { ...finished, unacked: 0 })
      if (!delivered) this.#restored.push(commandId)
    }
  }

  /** A connection is established, so its frame limits are known. */
  connected(directives: AgentServerPayloads['connection:established']['directives']): void {
    for (const commandId of this.#restored.splice(0)) {
      const entry = this.#entries.get(commandId)
      if (entry?.state !== 'finished') continue
      for (const { type, payload } of entry.interactions ?? [])
        this.#options.report(type, payload, { exempt: true, run: commandId })
      entry.outcome = fitOutcome(entry.outcome, this.#options.fits)
      this.#sendResult(commandId, entry)
    }
    this.#apply(directives)
  }

  /**
   * Passes on a report about a question. The end of a question is kept with the run until the server has stored it: the
   * run's result survives this process, so the outcome of the question must too.
   */
  reportInteraction(report: InteractionReport, push: (options?: PushOptions) => void): void {
    const { interactionId } = report.payload
    if (report.type === 'interaction:request') {
      push()
      const { commandId = '' } = report.payload
      const entry = this.#entries.get(commandId)
      if (entry?.state === 'active') entry.run.asked(interactionId)
      return
    }
    const run = this.#runs().find(run => run.hasAsked(interactionId))
    if (run === undefined) {
      push()
      return
    }
    let drop = () => {}
    push({ run: run.commandId, acked: () => drop() })
    drop = run.keep(report)
  }

  running(): string[] {
    return this.#runs().map(({ commandId }) => commandId)
  }

  inventory(): NonNullable<AgentPayloads['agent:connect']['inventory']> {
    const running: { commandId: string; attempt: number; state: 'running' }[] = []
    const finished: { commandId: string; attempt: number; state: 'finished' }[] = []
    for (const [commandId, entry] of this.#entries) {
      if (entry.state === 'active') running.push({ commandId, attempt: entry.run.attempt, state: 'running' })
      if (entry.state === 'finished') finished.push({ commandId, attempt: entry.attempt, state: 'finished' })
    }
    return [...running, ...finished.slice(-MAX_LISTED)]
  }

  /** Resolves when the command has been answered; its run continues. */
  async dispatch(command: DispatchedCommand): Promise<void> {
    const { commandId, attempt } = command
    const known = this.#entries.get(commandId)
    if (known?.state === 'active') {
      known.run.relabel(attempt)
      this.#ack(commandId, known.run.attempt)
      this.#options.continued(commandId)
      return
    }
    if (attempt <= (this.#cancelled.get(commandId) ?? 0)) return this.#confirmCancelled(commandId, attempt)
    const isNewRun = command.rerun === true && attempt > (known?.attempt ?? 0)
    if (known !== undefined && !isNewRun) return this.#answerAgain(command, known)
    const refusal = this.#refusal(command)
    if (refusal === undefined) return this.#accept(command)
    this.#reject(command, refusal)
  }

  interrupt({ commandId, attempt, force }: AgentServerPayloads['command:interrupt']): void {
    const entry = this.#entries.get(commandId)
    switch (entry?.state) {
      case 'active':
        entry.run.relabel(attempt)
        entry.run.interrupt(force)
        return
      case 'finished':
        entry.attempt = Math.max(entry.attempt, attempt)
        if (entry.unacked === 0) this.#sendResult(commandId, entry)
        return
      case 'orphan':
      case undefined:
        this.#confirmCancelled(commandId, attempt)
        return
      default:
        entry satisfies never
    }
  }

  /**
   * The ids in a heartbeat have no attempt. The latest known attempt is the best guess; a wrong one is only `stale`.
   */
  cancel(commandIds: readonly string[]): void {
    for (const commandId of commandIds) {
      this.interrupt({ commandId, attempt: this.#cancelled.get(commandId) ?? 1, force: false })
    }
  }

  #apply(directives: AgentServerPayloads['connection:established']['directives']): void {
    for (const { commandId, action } of directives) {
      const entry = this.#entries.get(commandId)
      switch (action) {
        case 'continue':
          break
        case 'cancel':
          this.cancel([commandId])
          break
        case 'forget':
          // The server no longer wants the command, so continuing would be useless.
          if (entry?.state === 'active') entry.run.interrupt(false)
          else this.#forget(commandId)
          break
        case 'resend':
          if (entry?.state === 'active') this.#ack(commandId, entry.run.attempt)
          if (entry?.state === 'finished' && entry.unacked === 0) this.#sendResult(commandId, entry)
          break
        default:
          action satisfies never
      }
    }
  }

  /** Accepts no more commands and interrupts the running ones. */
  stop(force: boolean): void {
    this.#accepts = false
    for (const run of this.#runs()) run.interrupt(force)
  }

  #runs(): ActiveRun[] {
    return [...this.#entries.values()].flatMap(entry => (entry.state === 'active' ? [entry.run] : []))
  }

  #refusal({ commandId, attempt, kind }: DispatchedCommand): 'busy' | 'unsupported' | undefined {
    // The command was sent again before the server received the rejection, which ends the command if it was
    // interrupted.
    if (attempt <= (this.#rejected.get(commandId) ?? 0)) return 'busy'
    if (!Object.hasOwn(this.#options.handlers, kind)) return 'unsupported'
    return this.#accepts && this.running().length < this.#options.maxConcurrency ? undefined : 'busy'
  }

  #reject({ commandId, attempt, kind }: DispatchedCommand, reason: 'busy' | 'unsupported'): void {
    this.#rejected.set(commandId, attempt)
    const acked = () => {
      if (this.#rejected.get(commandId) === attempt) this.#rejected.delete(commandId)
    }
    const kinds = Object.keys(this.#options.handlers).map(kind => `"${kind}"`)
    const message = `This agent accepts commands of kind ${kinds.join(', ')}, not "${kind}".`
    this.#options.report(
      'command:reject',
      { commandId, attempt, reason, ...(reason === 'unsupported' && { message }) },
      { exempt: true, acked },
    )
  }

  async #accept(command: DispatchedCommand): Promise<void> {
    const { commandId } = command
    const run = new ActiveRun(command, (type, payload, options) =>
      this.#options.report(type, payload, { ...options, run: commandId }),
    )
    this.#entries.set(commandId, { state: 'active', run })
    try {
      await this.#options.journal.accepted(command)
    } catch (error) {
      // Without a journal entry the command might run twice, so it is not accepted. The server will offer it again.
      this.#entries.delete(commandId)
      this.#journalFailed('accept', error)
      return
    }
    this.#ack(commandId, run.attempt)
    this.#run(run, this.#options.handlers[command.kind]!).catch(error => this.#journalFailed('run', error))
  }

  async #run(run: ActiveRun, handler: CommandHandler): Promise<void> {
    const outcome = fitOutcome(await outcomeOf(run, handler), this.#options.fits)
    run.close()
    const { commandId, unstored } = run
    const finished = { outcome, ...(unstored.length > 0 && { interactions: unstored }) }
    try {
      await this.#options.journal.finished({ commandId, attempt: run.attempt, ...finished })
    } catch (error) {
      this.#journalFailed('finish', error)
    }
    // A redelivery during the write may have given the run a newer attempt: use the latest.
    const entry: Finished = { state: 'finished', attempt: run.attempt, ...finished, unacked: 0 }
    this.#entries.delete(commandId)
    this.#entries.set(commandId, entry)
    this.#sendResult(commandId, entry)
    this.#prune()
    this.#options.ended()
  }

  #answerAgain({ commandId, attempt, rerun }: DispatchedCommand, known: Exclude<Entry, { state: 'active' }>): void {
    if (known.state === 'orphan') {
      // Every run needs its own attempt: if this one is not acknowledged, the server sends the next.
      if (rerun) return
      // The command may have run before the process died and, without `rerun`, the server has not given up on that run.
      const message = 'The agent process died while handling this command; its progress is unknown.'
      const outcome = { status: 'failed' as const, error: { code: 'agent_restarted', message } }
      const entry: Finished = { state: 'finished', attempt, outcome, unacked: 0 }
      this.#entries.set(commandId, entry)
      this.#keep(commandId, entry)
      this.#sendResult(commandId, entry)
      return
    }
    if (attempt > known.attempt) {
      known.attempt = attempt
      this.#keep(commandId, known)
    }
    this.#ack(commandId, known.attempt)
    // Send it even if one is in flight: a server restored to an older state has refused that one, because it arrived
    // before this dispatch.
    this.#sendResult(commandId, known)
  }

  #confirmCancelled(commandId: string, attempt: number): void {
    const of = Math.max(attempt, 1)
    // An older dispatch may arrive after the interrupt of a newer attempt.
    const newest = Math.max(of, this.#cancelled.get(commandId) ?? 0)
    this.#cancelled.delete(commandId)
    this.#cancelled.set(commandId, newest)
    if (this.#cancelled.size > MAX_KEPT) this.#cancelled.delete(this.#cancelled.keys().next().value as string)
    this.#options.report('command:result', { commandId, attempt: of, status: 'cancelled' }, { exempt: true })
  }

  #ack(commandId: string, attempt: number): void {
    this.#options.report('command:ack', { commandId, attempt }, { exempt: true })
  }

  #sendResult(commandId: string, entry: Finished): void {
    entry.unacked++
    const acked = () => {
      entry.unacked--
      if (entry.unacked === 0 && this.#entries.get(commandId) === entry) this.#tell('delivered', commandId)
    }
    const { attempt, outcome } = entry
    this.#options.report('command:result', { commandId, attempt, ...outcome }, { exempt: true, acked })
  }

  #keep(commandId: string, { state: _, unacked: __, ...finished }: Finished): void {
    this.#options.journal.finished({ commandId, ...finished }).catch(error => this.#journalFailed('finish', error))
  }

  #forget(commandId: string): void {
    if (this.#entries.delete(commandId)) this.#tell('forget', commandId)
  }

  #tell(verb: 'delivered' | 'forget', commandId: string): void {
    this.#options.journal[verb](commandId).catch(error => this.#journalFailed(verb, error))
  }

  /** Drops the oldest finished command that the server has. A result that the server lacks is never dropped. */
  #prune(): void {
    if (this.#entries.size <= MAX_KEPT) return
    for (const [commandId, entry] of this.#entries) {
      if (entry.state !== 'finished' || entry.unacked > 0) continue
      this.#forget(commandId)
      return
    }
  }

  #journalFailed(verb: string, error: unknown): void {
    const message = `journal: ${verb} failed: ${messageOf(error)}`
    this.#options.log('error', message)
    this.#options.report('agent:error', { message, code: 'journal_failed' }, { exempt: true })
  }
}

async function outcomeOf(run: ActiveRun, handler: CommandHandler): Promise<CommandOutcome> {
  // Interrupted while its journal entry was being written, so nothing has started yet.
  if (run.signal.aborted) return { status: 'cancelled' }
  try {
    return await handler(run)
  } catch (error) {
    const message = messageOf(error)
    return run.signal.aborted ? { status: 'cancelled', error: message } : { status: 'failed', error: message }
  }
}
