import {
  type BulkRespondBody,
  type Interaction,
  type InteractionAnswer,
  type RespondBody,
  type WireError,
  wireError,
} from '@fleetwire/protocol'
import type { Actor, Caller, CanSee } from '../caller.ts'
import type { CommandLedger } from '../commands/command-ledger.ts'
import { foundInAll, judgedOnAll } from '../log/caught-up.ts'
import { type ReportOutcome, refuseReport } from '../log/change-record.ts'
import { type ItemPage, itemPage } from '../log/each-record.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import { notFound, notOfAgent, type Refused, refused, unavailable } from '../outcome.ts'
import { fieldsFlaw } from '../value-flaw.ts'
import type { InteractionLedger, Why } from './interaction-ledger.ts'
import type { InteractionEvent, InteractionRequest } from './interaction-state.ts'

export type RespondOutcome =
  /** On disk. `affected: false`: it already had this answer. */
  { status: 'ok'; affected: boolean; interaction: Interaction } | Refused

/** The person or program that answers, named in the answer. */
export type Answerer = Caller & { actor: Actor }

/** What an agent reports about an interaction. */
export type InteractionReport =
  | { verb: 'request'; request: InteractionRequest }
  | { verb: 'resolved'; interactionId: string; answer: InteractionAnswer }
  | { verb: 'applied'; interactionId: string }

type AnswerEvent = Extract<InteractionEvent, { kind: 'answer' }>

export interface InteractionQuery {
  agentId?: string | readonly string[]
  state?: readonly Interaction['state'][]
  limit: number
  cursor?: string
}

/** Questions that agents ask and answers that people give. Everything that it accepts is on disk. */
export class InteractionService {
  readonly #log: EventLog
  readonly #ledger: InteractionLedger
  readonly #commands: CommandLedger
  readonly #maxOpen: number

  constructor({
    log,
    ledger,
    commands,
    maxOpen,
  }: {
    log: EventLog
    ledger: InteractionLedger
    commands: CommandLedger
    /** How many interactions one agent may have open. */
    maxOpen: number
  }) {
    this.#maxOpen = maxOpen
    this.#log = log
    this.#ledger = ledger
    this.#commands = commands
  }

  /** Whether an interaction of the command is open. */
  hasOpen(commandId: string): boolean {
    return this.#ledger.hasOpen(commandId)
  }

  /** The interaction that the caller may see; if several agents have one with this id, the open one. */
  get(interactionId: string, canSee: CanSee): Promise<Interaction | undefined> {
    return foundInAll(this.#log, () => this.#find(interactionId, canSee))
  }

  async #find(interactionId: string, canSee: CanSee): Promise<Interaction | undefined> {
    const visible = (await this.#ledger.find(interactionId)).filter(interaction => canSee(interaction.agentId))
    return visible.find(({ state }) => state === 'open') ?? visible[0]
  }

  /** Sorted by id, descending: newest first if ids are sortable by time. */
  list({ agentId, state, limit, cursor }: InteractionQuery): Promise<ItemPage<Interaction>> {
    const where = { ...(agentId !== undefined && { agentId }), ...(state !== undefined && { status: state }) }
    return itemPage(this.#log, { kind: 'interaction', where, order: 'desc', limit, cursor })
  }

  async respond(
    interactionId: string,
    { digest, ...answer }: RespondBody,
    answerer: Answerer,
  ): Promise<RespondOutcome> {
    const flaw = fieldsFlaw(answer)
    if (flaw !== undefined) return refused(flaw)
    const { by, via } = answerer.actor
    const event: AnswerEvent = { kind: 'answer', answer, by, via, ...(digest !== undefined && { digest }) }
    return judgedOnAll(this.#log, () => this.#respond(interactionId, event, answerer))
  }

  async #respond(interactionId: string, event: AnswerEvent, { actor, canSee }: Answerer): Promise<RespondOutcome> {
    const interaction = await this.#find(interactionId, canSee)
    if (interaction === undefined) return refused(notFound('interaction', interactionId))
    const changed = await this.#ledger.apply(interaction.agentId, interactionId, event, [], actor)
    switch (changed.status) {
      case 'changed':
        return { status: 'ok', affected: true, interaction: changed.value }
      case 'unavailable':
        return refused(unavailable(changed))
      case 'same':
        return changed.why === 'already' && changed.value !== undefined
          ? { status: 'ok', affected: false, interaction: changed.value }
          : refused(refusalOf(interactionId, changed.why, changed.value))
    }
  }

  /** Gives the same answer to many interactions; each is checked separately. */
  async respondAll({ interactionIds, ...answer }: BulkRespondBody, answerer: Answerer) {
    const results = [...new Set(interactionIds)].map(async interactionId => {
      const outcome = await this.respond(interactionId, answer, answerer)
      return outcome.status === 'ok' ? { interactionId, ok: true } : { interactionId, ok: false, error: outcome.error }
    })
    return { results: await Promise.all(results) }
  }

  /** `alongside` is stored in the same step, even if the report is refused. */
  async report(agentId: string, report: InteractionReport, alongside: readonly EventDraft[]): Promise<ReportOutcome> {
    const interactionId = report.verb === 'request' ? report.request.interactionId : report.interactionId
    const refusal = report.verb === 'request' ? await this.#requestFlaw(agentId, report.request) : undefined
    if (refusal !== undefined) return refuseReport(this.#log, refusal, alongside)
    const changed = await this.#ledger.apply(agentId, interactionId, eventOf(agentId, report), alongside)
    if (changed.status === 'unavailable') return changed
    if (changed.status === 'changed' || changed.why === 'already') return { status: 'stored' }
    return refused(refusalOf(interactionId, changed.why, changed.value))
  }

  /**
   * Checks a request before it is stored and shown: the command that it guards must not have ended, and its id must not
   * belong to another agent's interaction.
   */
  async #requestFlaw(
    agentId: string,
    { interactionId, commandId }: InteractionRequest,
  ): Promise<WireError | undefined> {
    const known = await this.#ledger.find(interactionId)
    const own = known.find(other => other.agentId === agentId)
    if (own?.state !== 'open' && this.#ledger.openOf(agentId) >= this.#maxOpen) {
      const message = `This agent already has ${this.#maxOpen} open interactions: wait for answers, or resolve some first.`
      return wireError('too_large', message, { limit: this.#maxOpen })
    }
    if (known.some(other => other.agentId !== agentId))
      return wireError('conflict', `interactionId: "${interactionId}" belongs to another agent.`)
    if (commandId === undefined) return undefined
    const command = await this.#commands.get(commandId)
    if (command?.agentId !== agentId) return notOfAgent(commandId)
    if (this.#commands.live(commandId) !== undefined) return undefined
    return wireError('conflict', `Command "${commandId}" has ended: it is ${command.status}.`, {
      status: command.status,
    })
  }
}

function eventOf(agentId: string, report: InteractionReport): InteractionEvent {
  switch (report.verb) {
    case 'request':
      return { kind: 'request', agentId, request: report.request }
    case 'resolved':
      return { kind: 'resolved-there', answer: report.answer }
    case 'applied':
      return { kind: 'applied' }
  }
}

function refusalOf(interactionId: string, why: Why, interaction: Interaction | undefined): WireError {
  const name = `Interaction "${interactionId}"`
  switch (why) {
    case 'absent':
      return notFound('interaction', interactionId)
    case 'answered': {
      const winner = interaction?.resolution
      return wireError('conflict', `${name} was already answered by ${winner?.by}.`, { winner })
    }
    case 'closed': {
      const state = interaction?.state
      return wireError('conflict', `${name} is ${state}: it can no longer be answered.`, { state })
    }
    case 'stale':
      return wireError('stale', `${name}: its subject has changed since it was shown; look again.`, {
        digest: interaction?.subject?.digest,
      })
    case 'no-option': {
      const options = interaction?.options.map(option => option.id) ?? []
      return wireError('invalid_request', `optionId: choose one of ${options.join(', ')}.`, { options })
    }
    case 'empty':
      return wireError('invalid_request', 'An answer needs an optionId, a text or answers.')
    case 'already':
      return wireError('conflict', `${name} is already in this state.`)
  }
}
