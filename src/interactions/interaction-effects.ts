import { type Command, type Interaction, isFinal } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import type { AgentDirectory } from '../commands/agent-directory.ts'
import type { CommandLedger } from '../commands/command-ledger.ts'
import { isGivenUp } from '../commands/command-state.ts'
import { Deadlines } from '../deadlines.ts'
import type { EventLog, FleetEvent, Unfollow } from '../log/event-log.ts'
import type { InteractionLedger } from './interaction-ledger.ts'
import { type InteractionEvent, isDue } from './interaction-state.ts'

export interface InteractionEffectsOptions {
  log: EventLog
  ledger: InteractionLedger
  commands: CommandLedger
  agents: Pick<AgentDirectory, 'isReady' | 'send'>
  clock: Clock
  onFault: (error: unknown) => void
}

type InteractionKey = `${string} ${string}`
const keyOf = ({ agentId, interactionId }: Interaction): InteractionKey => `${agentId} ${interactionId}`

/** Delay before a retry when the log could not accept. */
const RETRY_MS = 1000

/**
 * Carries out the effects of interactions: their command waits, they expire, their answers go to the agent, and they
 * are cancelled when the work that they guard is gone. It reacts only to the log, so after a restart it continues where
 * it was.
 */
export class InteractionEffects {
  readonly #options: InteractionEffectsOptions
  /** When an interaction expires, by agent and interaction. */
  readonly #expiries: Deadlines<InteractionKey>
  /** The same times on the monotonic clock. Kept while stopped, since the wall clock may jump in the meantime. */
  readonly #endsAt = new Map<InteractionKey, { expiresAt: number; monotonic: number }>()
  /** Retries for what the log could not accept: a change of an interaction, or whether a command waits. */
  readonly #retries: Deadlines<`${InteractionEvent['kind']} ${string} ${string}` | `command ${string}`>
  #stops: Unfollow[] = []

  constructor(options: InteractionEffectsOptions) {
    this.#options = options
    this.#expiries = new Deadlines(options.clock)
    this.#retries = new Deadlines(options.clock)
  }

  async start(): Promise<void> {
    const { log, ledger, commands } = this.#options
    if (this.#stops.length > 0) return
    this.#expiries.start()
    this.#retries.start()
    this.#stops = [
      ledger.onChange(after => this.#changed(after)),
      commands.onChange(after => this.#commandChanged(after)),
      log.follow(events => this.#agentsChanged(events)),
    ]
    const left = [...ledger.live()]
    const open = new Set(left.filter(({ state }) => state === 'open').map(keyOf))
    for (const key of this.#endsAt.keys()) if (!open.has(key)) this.#endsAt.delete(key)
    for (const interaction of left) this.#changed(interaction)
    // A server that died between an answer and its effect may have left the command waiting.
    for (const { commandId, waitingSince } of [...commands.all()]) {
      if (waitingSince !== undefined && !ledger.hasOpen(commandId)) this.#settle(commandId)
    }
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#expiries.stop()
    this.#retries.stop()
  }

  /** The agent is ready: sends all answers that it has not confirmed, even if they were sent before. */
  linkUp(agentId: string): void {
    for (const interaction of this.#options.ledger.ofAgent(agentId)) if (isDue(interaction)) this.#deliver(interaction)
  }

  #changed(interaction: Interaction): void {
    const { state, commandId, delivery } = interaction
    if (state === 'open') this.#watch(interaction)
    else {
      this.#expiries.clear(keyOf(interaction))
      this.#endsAt.delete(keyOf(interaction))
    }
    const command = commandId === undefined ? undefined : this.#options.commands.live(commandId)
    if (state !== 'open' && commandId !== undefined && command === undefined) {
      this.#options.ledger.forget(interaction)
      return
    }
    if (delivery === 'pending') this.#deliver(interaction)
    if (commandId === undefined) return
    if (state !== 'open') {
      if (!this.#options.ledger.hasOpen(commandId)) this.#settle(commandId)
    } else if (command?.status === 'running') this.#settle(commandId)
    else if (command === undefined || isGivenUp(command)) this.#apply(interaction, { kind: 'cancel' })
  }

  /** Arms the expiry only once: the wall clock may have jumped before a later change. */
  #watch(interaction: Interaction): void {
    const { expiresAt } = interaction
    const key = keyOf(interaction)
    if (expiresAt === undefined || this.#expiries.has(key)) return
    const { clock } = this.#options
    const known = this.#endsAt.get(key)
    const monotonic = known?.expiresAt === expiresAt ? known.monotonic : clock.monotonic() + expiresAt - clock.now()
    this.#endsAt.set(key, { expiresAt, monotonic })
    this.#expiries.set(key, monotonic - clock.monotonic(), () => this.#apply(interaction, { kind: 'expire' }))
  }

  /** A command that ended or will run again has no open questions. */
  #commandChanged(command: Command): void {
    const { commandId, status } = command
    const interactions = this.#options.ledger.ofCommand(commandId)
    if (isFinal(status)) this.#forget(interactions)
    if (isGivenUp(command)) this.#cancel(interactions)
    else if (status === 'running' && this.#options.ledger.hasOpen(commandId)) this.#settle(commandId)
  }

  /** Cancels the questions of removed agents and ended sessions, and those without a command when their agent stops. */
  #agentsChanged(events: readonly FleetEvent[]): void {
    for (const { type, payload } of events) {
      if (type === 'agent:removed') {
        const { agentId } = payload as { agentId: string }
        const interactions = this.#options.ledger.ofAgent(agentId)
        this.#cancel(interactions)
        this.#forget(interactions)
      } else if (type === 'agent:lifecycle') {
        const { agentId, lifecycle } = payload as { agentId: string; lifecycle: string }
        if (lifecycle !== 'crashed' && lifecycle !== 'stopped') continue
        this.#cancel(this.#options.ledger.ofAgent(agentId).filter(({ commandId }) => commandId === undefined))
      } else if (type === 'session:ended') {
        const { agentId, sessionId } = payload as { agentId: string; sessionId: string }
        this.#cancel(this.#options.ledger.ofAgent(agentId).filter(interaction => interaction.sessionId === sessionId))
      }
    }
  }

  #cancel(interactions: readonly Interaction[]): void {
    for (const interaction of interactions)
      if (interaction.state === 'open') this.#apply(interaction, { kind: 'cancel' })
  }

  /** Forgets answers that no run waits for any more. */
  #forget(interactions: readonly Interaction[]): void {
    for (const interaction of interactions) if (interaction.state !== 'open') this.#options.ledger.forget(interaction)
  }

  #deliver(interaction: Interaction): void {
    const { agentId, interactionId, resolution, subject, state } = interaction
    const { agents } = this.#options
    if (!agents.isReady(agentId) || resolution === undefined) return
    const { by: _, via: __, at: ___, ...answer } = resolution
    agents.send(agentId, 'interaction:answer', {
      interactionId,
      ...answer,
      ...(subject?.digest !== undefined && { digest: subject.digest }),
      ...(state === 'expired' && { expired: true }),
    })
    this.#apply(interaction, { kind: 'sent' })
  }

  /** A command waits while one of its interactions is open, and resumes after the last one. */
  #settle(commandId: string): void {
    const { ledger, commands } = this.#options
    // Evaluated on each try, since the interaction may have been answered in the meantime.
    const due = () => (ledger.hasOpen(commandId) ? 'wait' : 'resume')
    const kind = due()
    void this.#accepted(() => commands.apply(commandId, { kind })).then(accepted => {
      if (!accepted) this.#retries.set(`command ${commandId}`, RETRY_MS, () => this.#settle(commandId))
      // A call in the meantime may have seen the command before this change, which a conflicting change had delayed.
      else if (this.#stops.length > 0 && due() !== kind) this.#settle(commandId)
    })
  }

  #apply({ agentId, interactionId }: Interaction, event: InteractionEvent): void {
    const change = () => this.#options.ledger.apply(agentId, interactionId, event)
    const attempt = () =>
      void this.#accepted(change).then(accepted => {
        if (!accepted) this.#retries.set(`${event.kind} ${agentId} ${interactionId}`, RETRY_MS, attempt)
      })
    attempt()
  }

  /** False if the log could not accept a change and a retry is worthwhile. */
  async #accepted(change: () => Promise<{ status: string }>): Promise<boolean> {
    try {
      if ((await change()).status !== 'unavailable') return true
    } catch (error) {
      this.#options.onFault(error)
    }
    return this.#stops.length === 0
  }
}
