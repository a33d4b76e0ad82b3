import { type Command, type Interaction, recordKind, topics } from '@fleetwire/protocol'
import { userKeyOf } from '../auth/user-key.ts'
import type { Clock } from '../clock.ts'
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
  /** How long closed ones are kept. */
  retentionMs: number
  /** Of a command: whose it is, who is told of its interactions, and its task, whose followers see them. */
  commandOf: (commandId: string) => Promise<Pick<Command, 'createdBy' | 'taskId'> | undefined>
}

/** The interactions that are open, or whose answers are on their way, held by following the log; and the one way to change them. */
export class InteractionLedger {
  readonly #options: InteractionLedgerOptions
  /** By topic. */
  readonly #live = new Map<string, { interaction: Interaction; version: number }>()
  readonly #openOf = new Map<string, number>()
  readonly #listeners = new Set<ChangeListener>()
  #unfollow: Unfollow | undefined

  constructor(options: InteractionLedgerOptions) {
    this.#options = options
  }

  /** Followed first, listed after: nothing falls between the two. */
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

  /** Is an interaction of the command open? */
  isAsking(commandId: string): boolean {
    for (const { interaction } of this.#live.values()) {
      if (interaction.commandId === commandId && interaction.state === 'open') return true
    }
    return false
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

  /** Its answer can take effect no more, whatever its delivery says: it is not sent again. */
  forget({ agentId, interactionId }: Interaction): void {
    this.#live.delete(topics.interaction(agentId, interactionId))
  }

  openOf(agentId: string): number {
    return this.#openOf.get(agentId) ?? 0
  }

  /** All of that id: agents choose ids, so there may be one of each agent. */
  async find(interactionId: string): Promise<Interaction[]> {
    const { records } = await this.#options.log.list({ kind: 'interaction', where: { id: interactionId }, limit: 100 })
    return records.map(record => record.payload as Interaction)
  }

  /** `alongside` is stored in the same step, also where the interaction stays as it is. */
  async apply(
    agentId: string,
    interactionId: string,
    event: InteractionEvent,
    alongside: readonly EventDraft[] = [],
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
        return { to: 'next', value: interaction, draft, told }
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
    if (state === 'open' || isDue(interaction)) this.#live.set(topic, { interaction, version })
    else this.#live.delete(topic)
  }
}

/** To who submitted the command. */
function notice(
  { interactionId, agentId, commandId, title, description }: Interaction,
  { createdBy }: Pick<Command, 'createdBy'>,
): EventDraft[] {
  const topic = topics.userInbox(userKeyOf(createdBy))
  const data = { interactionId, agentId, commandId }
  const payload = { title: `${agentId}: ${title}`, ...(description !== '' && { message: description }), data }
  return [draftOf('notification:created', topic, payload)]
}
