import { type Command, type Interaction, topics } from '@fleetwire/protocol'
import { userKeyOf } from '../auth/user-key.ts'
import type { Actor } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { auditDrafts } from '../log/audit.ts'
import { type Changed, changeRecord } from '../log/change-record.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import { LiveRecords, type RecordListener } from '../log/live-records.ts'
import {
  changeInteraction,
  type InteractionDecision,
  type InteractionEvent,
  type InteractionEventType,
  isDue,
} from './interaction-state.ts'

export type Why = Extract<InteractionDecision, { to: 'same' }>['why']

export interface InteractionLedgerOptions {
  log: EventLog
  clock: Clock
  /** How long closed interactions are kept, ms. */
  retentionMs: number
  /** Finds a command: its submitter is notified of its interactions, and followers of its task see them. */
  commandOf: (commandId: string) => Promise<Pick<Command, 'createdBy' | 'taskId'> | undefined>
}

/**
 * Keeps the interactions that are open or whose answers are not yet confirmed in memory by following the log. It is the
 * only way to change an interaction.
 */
export class InteractionLedger {
  readonly #options: InteractionLedgerOptions
  /** By topic: agents choose ids, so several agents may choose the same. */
  readonly #records: LiveRecords<Interaction>
  readonly #byAgent = new TopicIndex()
  readonly #byCommand = new TopicIndex()
  readonly #openOf = new Map<string, number>()

  constructor(options: InteractionLedgerOptions) {
    this.#options = options
    this.#records = new LiveRecords<Interaction>({
      log: options.log,
      kind: 'interaction',
      where: { status: ['open', 'resolved', 'expired'] },
      keyOf: topicOf,
      isLive: interaction => interaction.state === 'open' || isDue(interaction),
      onHeld: (after, before) => this.#index(after, before),
    })
  }

  async start(): Promise<void> {
    await this.#records.start()
  }

  /** Whether an interaction of the command is open. */
  hasOpen(commandId: string): boolean {
    return this.ofCommand(commandId).some(({ state }) => state === 'open')
  }

  stop(): void {
    this.#records.stop()
  }

  onChange(listener: RecordListener<Interaction>): () => void {
    return this.#records.onChange(listener)
  }

  live(): Iterable<Interaction> {
    return this.#records.values()
  }

  /** The interactions of an agent; a copy, so that a caller may change them while it iterates. */
  ofAgent(agentId: string): Interaction[] {
    return this.#at(this.#byAgent.of(agentId))
  }

  ofCommand(commandId: string): Interaction[] {
    return this.#at(this.#byCommand.of(commandId))
  }

  /** Drops an interaction whose answer can no longer take effect, whatever its delivery state: it is not sent again. */
  forget(interaction: Interaction): void {
    this.#records.forget(topicOf(interaction))
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
    const topic = topicOf({ agentId, interactionId })
    const live = this.#records.get(topic)
    const known = live ? { payload: live.value, version: live.version } : await log.get(topic)
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

  #index(after: Interaction | undefined, before: Interaction | undefined): void {
    if (before !== undefined) {
      this.#byAgent.delete(before.agentId, topicOf(before))
      this.#byCommand.delete(before.commandId, topicOf(before))
    }
    if (after !== undefined) {
      this.#byAgent.add(after.agentId, topicOf(after))
      this.#byCommand.add(after.commandId, topicOf(after))
    }
    const { agentId } = (after ?? before)!
    const open = this.openOf(agentId) + Number(after?.state === 'open') - Number(before?.state === 'open')
    if (open === 0) this.#openOf.delete(agentId)
    else this.#openOf.set(agentId, open)
  }

  #at(topics: Iterable<string>): Interaction[] {
    return [...topics].flatMap(topic => this.#records.get(topic)?.value ?? [])
  }
}

const topicOf = ({ agentId, interactionId }: Pick<Interaction, 'agentId' | 'interactionId'>): string =>
  topics.interaction(agentId, interactionId)

/** Topics, grouped by the agent or command that they belong to. */
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
