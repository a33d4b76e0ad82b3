import { type Command, type Interaction, recordKind, topics } from '@fleetwire/protocol'
import { userKeyOf } from '../auth/user-key.ts'
import type { Actor } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { auditDrafts } from '../log/audit.ts'
import { type Changed, changeRecord } from '../log/change-record.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog, FleetEvent, Unfollow } from '../log/event-log.ts'
import {
  changeInteraction,
  type InteractionDecision,
  type InteractionEvent,
  type InteractionEventType,
  isDue,
} from './interaction-state.ts'

export type Why = Extract<InteractionDecision, { to: 'same' }>['why']
export type ChangeListener = (after: Interaction, before: Interaction | undefined) => void

export interface InteractionLedgerOptions {
  log: EventLog
  clock: Clock
  /** How long closed interactions are kept, ms. */
  retentionMs: number
  /** Finds a command: its submitter is told of its interactions, and those who follow its task see them. */
  commandOf: (commandId: string) => Promise<Pick<Command, 'createdBy' | 'taskId'> | undefined>
}

/**
 * The interactions that are open or whose answers are not yet confirmed, kept in memory by following the log; and the
 * one way to change an interaction.
 */
export class InteractionLedger {
  readonly #options: InteractionLedgerOptions
  /** By topic. */
  readonly #live = new Map<string, { interaction: Interaction; version: number }>()
  readonly #byAgent = new TopicIndex()
  readonly #byCommand = new TopicIndex()
  readonly #openOf = new Map<string, number>()
  readonly #listeners = new Set<ChangeListener>()
  #unfollow: Unfollow | undefined

  constructor(options: InteractionLedgerOptions) {
    this.#options = options
  }

  /** Follows first and lists then, so that nothing is missed in between. */
  async start(): Promise<void> {
    const { log } = this.#options
    if (this.#unfollow !== undefined) return
    this.#unfollow = log.follow(events => this.#fold(events))
    let page: string | null | undefined
    do {
      const { records, nextPage } = await log.list({
        kind: 'interaction',
        where: { status: ['open', 'resolved', 'expired'] },
        limit: 500,
        ...(page && { page }),
      })
      for (const { topic, payload, version } of records) {
        if ((this.#live.get(topic)?.version ?? 0) < version) this.#put(topic, payload as Interaction, version)
      }
      page = nextPage
    } while (page !== null)
  }

  /** Whether an interaction of the command is open. */
  isAsking(commandId: string): boolean {
    return this.ofCommand(commandId).some(({ state }) => state === 'open')
  }

  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
  }

  onChange(listener: ChangeListener): void {
    this.#listeners.add(listener)
  }

  *live(): Iterable<Interaction> {
    for (const { interaction } of this.#live.values()) yield interaction
  }

  /** The interactions of an agent; a copy, so that a caller may change them while it iterates. */
  ofAgent(agentId: string): Interaction[] {
    return this.#at(this.#byAgent.of(agentId))
  }

  ofCommand(commandId: string): Interaction[] {
    return this.#at(this.#byCommand.of(commandId))
  }

  /** Its answer can no longer take effect, whatever its delivery state says: it is not sent again. */
  forget({ agentId, interactionId }: Interaction): void {
    this.#set(topics.interaction(agentId, interactionId), undefined)
  }

  openOf(agentId: string): number {
    return this.#openOf.get(agentId) ?? 0
  }

  /** All interactions with this id: agents choose ids, so several agents may have one each. */
  async find(interactionId: string): Promise<Interaction[]> {
    const { records } = await this.#options.log.list({ kind: 'interaction', where: { id: interactionId }, limit: 100 })
    return records.map(record => record.payload as Interaction)
  }

  /** `alongside` is stored in the same step, even if the interaction does not change. */
  async apply(
    agentId: string,
    interactionId: string,
    event: InteractionEvent,
    alongside: readonly EventDraft[] = [],
    actor?: Actor,
  ): Promise<Changed<Interaction, Why>> {
    const { log, clock, commandOf } = this.#options
    const topic = topics.interaction(agentId, interactionId)
    const live = this.#live.get(topic)
    const known = live ? { payload: live.interaction, version: live.version } : await log.get(topic)
    const current = known?.payload as Interaction | undefined
    const commandId = event.kind === 'request' ? event.request.commandId : current?.commandId
    const command = commandId === undefined ? undefined : await commandOf(commandId)
    return changeRecord<Interaction, Why>(log, {
      topic,
      known,
      alongside,
      decide: current => {
        const decision = changeInteraction(current, event, clock.now())
        if (decision.to === 'same') return decision
        const { type, interaction } = decision
        const draft = this.#draft(topic, type, interaction, command?.taskId)
        const told = type === 'interaction:requested' && command !== undefined ? notice(interaction, command) : []
        const audit = auditDrafts(actor, 'interaction:answer', interactionId, clock.now())
        return { to: 'next', value: interaction, draft, told: [...told, ...audit] }
      },
    })
  }

  #draft(topic: string, type: InteractionEventType, interaction: Interaction, taskId: string | undefined): EventDraft {
    const { clock, retentionMs } = this.#options
    return draftOf(type, topic, interaction, {
      record: 'set',
      ...(taskId !== undefined && { taskId }),
      ...(interaction.state !== 'open' && { expiresAt: clock.now() + retentionMs }),
    })
  }

  #fold(events: readonly FleetEvent[]): void {
    for (const { topic, payload, seq } of events) {
      if (recordKind(topic) !== 'interaction') continue
      const before = this.#live.get(topic)
      if (before !== undefined && before.version >= seq) continue
      const after = payload as Interaction
      this.#put(topic, after, seq)
      for (const listener of this.#listeners) listener(after, before?.interaction)
    }
  }

  #put(topic: string, interaction: Interaction, version: number): void {
    const { agentId, state } = interaction
    const wasOpen = this.#live.get(topic)?.interaction.state === 'open'
    const open = this.openOf(agentId) + Number(state === 'open') - Number(wasOpen)
    if (open === 0) this.#openOf.delete(agentId)
    else this.#openOf.set(agentId, open)
    this.#set(topic, state === 'open' || isDue(interaction) ? { interaction, version } : undefined)
  }

  #set(topic: string, entry: { interaction: Interaction; version: number } | undefined): void {
    const before = this.#live.get(topic)?.interaction
    if (before !== undefined) {
      this.#byAgent.delete(before.agentId, topic)
      this.#byCommand.delete(before.commandId, topic)
    }
    if (entry === undefined) {
      this.#live.delete(topic)
      return
    }
    this.#live.set(topic, entry)
    this.#byAgent.add(entry.interaction.agentId, topic)
    this.#byCommand.add(entry.interaction.commandId, topic)
  }

  #at(topics: Iterable<string>): Interaction[] {
    return [...topics].flatMap(topic => this.#live.get(topic)?.interaction ?? [])
  }
}

/** Topics, grouped by what they belong to. */
class TopicIndex {
  readonly #topics = new Map<string, Set<string>>()

  of(key: string): Iterable<string> {
    return this.#topics.get(key) ?? []
  }

  add(key: string | undefined, topic: string): void {
    if (key === undefined) return
    const topics = this.#topics.get(key)
    if (topics === undefined) this.#topics.set(key, new Set([topic]))
    else topics.add(topic)
  }

  delete(key: string | undefined, topic: string): void {
    const topics = key === undefined ? undefined : this.#topics.get(key)
    if (topics?.delete(topic) && topics.size === 0) this.#topics.delete(key!)
  }
}

/** The inbox entry for the user who submitted the command. */
function notice(
  { interactionId, agentId, commandId, title, description }: Interaction,
  { createdBy }: Pick<Command, 'createdBy'>,
): EventDraft[] {
  const topic = topics.userInbox(userKeyOf(createdBy))
  const data = { interactionId, agentId, commandId }
  const payload = { title: `${agentId}: ${title}`, ...(description !== '' && { message: description }), data }
  return [draftOf('notification:created', topic, payload, { agentId })]
}
