import type { AgentServerPayloads, WireError } from '@fleetwire/protocol'
import type { AgentConnection, AgentTerminals } from './agents/agent-connection.ts'
import { AgentRegistry } from './agents/agent-registry.ts'
import type { AgentSession } from './agents/agent-session.ts'
import { AgentSessions } from './agents/agent-sessions.ts'
import { removeAgent } from './agents/remove-agent.ts'
import type { Actor } from './caller.ts'
import type { Clock } from './clock.ts'
import { BatchGate } from './commands/batch-gate.ts'
import { BatchService } from './commands/batch-service.ts'
import { CommandLedger } from './commands/command-ledger.ts'
import { CommandQueue } from './commands/command-queue.ts'
import { Dispatcher } from './commands/dispatcher.ts'
import { SignsOfLife } from './commands/signs-of-life.ts'
import { InteractionEffects } from './interactions/interaction-effects.ts'
import { InteractionLedger } from './interactions/interaction-ledger.ts'
import { InteractionService } from './interactions/interaction-service.ts'
import { auditDrafts } from './log/audit.ts'
import type { EventLog } from './log/event-log.ts'
import { LiveRecords } from './log/live-records.ts'
import { ScopedLog } from './log/scoped-log.ts'
import type { OpenMessages } from './sessions/open-messages.ts'
import { SessionService } from './sessions/session-service.ts'
import { TaskService } from './tasks/task-service.ts'
import { type DelivererPorts, WebhookDeliverer } from './webhooks/webhook-deliverer.ts'
import { WEBHOOKS, type WebhookRecord } from './webhooks/webhook-record.ts'
import { WebhookService } from './webhooks/webhook-service.ts'

export interface FleetSettings {
  /** Interval at which agents report, ms. */
  heartbeatMs: number
  ackDeadlineMs: number
  leaseMs: number
  cancelDeadlineMs: number
  /** How long commands, interactions and batches are kept after their end, ms. */
  commandRetentionMs: number
  sessionRetentionMs: number
  taskRetentionMs: number
  /** Commands that may wait for one agent. */
  queueLimit: number
  /** The limits of one agent. */
  maxSessions: number
  maxOpenItems: number
  maxOpenInteractions: number
  maxUsageModels: number
  /** The maximum number of webhooks, of concurrent deliveries, and of bytes per delivery. */
  maxWebhooks: number
  webhookConcurrency: number
  webhookMaxBytes: number
  /** How long a webhook may fail before it is disabled, ms. */
  webhookDisableAfterMs: number
  /** The connection limits that agents are told. */
  limits: AgentServerPayloads['connection:established']['limits']
}

/** The dependencies of the domain. The code that creates them also starts and stops them, around the fleet. */
export interface FleetPorts {
  log: EventLog
  clock: Clock
  /** Already follows the log, since readers use it too. */
  openMessages: OpenMessages
  terminals: AgentTerminals
  webhooks: Pick<DelivererPorts, 'sender' | 'revocations' | 'random' | 'onNote'>
  settings: FleetSettings
  /** Another node may have been the active one before the start. */
  takesOver?: boolean
  onFault(error: unknown): void
  /** The token of an agent that does not renew it expires within a day. */
  onTokenExpiring?(agentId: string, expiresAt: number): void
}

export type Fleet = ReturnType<typeof createFleet>

/**
 * The whole domain, wired: commands, batches, agents, sessions, interactions, tasks, webhooks. Nothing runs before
 * `start`. After `stop` nothing is left running: no timer, no listener, no append. The next `start`, here or in another
 * process, continues from the content of the log.
 */
export function createFleet({
  log: whole,
  clock,
  openMessages,
  terminals,
  webhooks: { sender, ...webhookPorts },
  settings,
  takesOver = false,
  onFault,
  onTokenExpiring,
}: FleetPorts) {
  const { heartbeatMs, commandRetentionMs: retentionMs, limits, maxUsageModels } = settings
  const log = new ScopedLog(whole)
  const signs = new SignsOfLife(clock)
  const gate = new BatchGate()

  const tasks = new TaskService({ log, clock, retentionMs: settings.taskRetentionMs })
  const sessions = new SessionService({
    ...{ log, clock, onFault, open: openMessages, retentionMs: settings.sessionRetentionMs },
    limits: { maxSessions: settings.maxSessions, maxOpenItems: settings.maxOpenItems },
  })
  const ledger = new CommandLedger({ log, clock, retentionMs })
  const interactionLedger = new InteractionLedger({ log, clock, retentionMs, commandOf: id => ledger.get(id) })
  const agents = new AgentRegistry({
    ...{ log, clock, heartbeatMs, onFault, commands: ledger, interactions: interactionLedger, signs },
    ...(onTokenExpiring !== undefined && { onTokenExpiring }),
    takesOver,
  })
  const dispatcher = new Dispatcher({ ledger, agents, gate, signs, clock, onFault, ...settings })
  const { queueLimit } = settings
  const commandQueue = new CommandQueue({ log, ledger, agents, tasks, clock, queueLimit })
  const batches = new BatchService({
    ...{ log, ledger, commandQueue, agents, tasks, gate, clock, retentionMs, onFault },
  })
  const interactionEffects = new InteractionEffects({
    log,
    ledger: interactionLedger,
    commands: ledger,
    agents,
    clock,
    onFault,
  })
  const webhookRecords = new LiveRecords<WebhookRecord>({
    ...{ log, kind: WEBHOOKS, where: { status: ['active', 'disabled'] } },
    keyOf: ({ webhookId }) => webhookId,
    isLive: ({ status }) => status !== 'removed',
  })
  const webhookOptions = { log, clock, sender, records: webhookRecords, maxBytes: settings.webhookMaxBytes }
  const webhooks = new WebhookService({ ...webhookOptions, maxWebhooks: settings.maxWebhooks })
  const webhookDeliverer = new WebhookDeliverer({
    ...{ ...webhookOptions, ...webhookPorts, onFault },
    labelsOf: agentId => agents.get(agentId)?.labels,
    concurrency: settings.webhookConcurrency,
    disableAfterMs: settings.webhookDisableAfterMs,
  })
  const maxOpen = settings.maxOpenInteractions
  const interactions = new InteractionService({ log, ledger: interactionLedger, commands: ledger, maxOpen })
  const agentSessions = new AgentSessions({
    ...{ log, ledger, dispatcher, agents, sessions, tasks, interactions, terminals, clock, heartbeatMs, limits },
    ...{ interactionEffects, maxUsageModels, onFault },
  })

  /**
   * In the order in which the parts start; they stop in reverse. The dispatcher's appends must not queue behind the
   * records of all agents, and agents are admitted last.
   */
  const run = new Run(log, [
    ...[sessions, ledger, interactionLedger],
    { start: () => batches.open(), stop: () => batches.close() },
    ...[dispatcher, agents, interactionEffects, commandQueue, agentSessions],
    {
      start: async () => {
        await webhookRecords.start()
        webhooks.start()
        webhookDeliverer.start()
      },
      stop: () => {
        webhooks.stop()
        webhookDeliverer.stop()
        webhookRecords.stop()
      },
    },
  ])

  return {
    ...{ tasks, sessions, ledger, agents, dispatcher, commandQueue, batches, interactions, webhooks },
    webhookStats: () => webhookDeliverer.stats(),

    /**
     * Resolves when everything runs again from the state in the log. Rejects if the log cannot be read; then nothing
     * runs.
     */
    start: () => run.start(),

    /**
     * Ends everything at once: agent connections are closed with 1012, waits for commands end, submissions are refused
     * with `unavailable`. Resolves when no append is in progress any more.
     */
    stop: () => run.stop(),

    /** The server's side of an agent's connection; the route feeds it frames. `waitedMs`: time since its hello came. */
    agentSession: (agentId: string, connection: AgentConnection, waitedMs?: number): AgentSession =>
      agentSessions.open(agentId, connection, waitedMs),

    /** Forgets an agent that is not connected; resolves with the reason if that is not possible. */
    removeAgent: (agentId: string, actor?: Actor): Promise<WireError | undefined> =>
      removeAgent(agentId, agents, ledger, sessions, auditDrafts(actor, 'agent:remove', agentId, clock.now())),
  }
}

interface Part {
  start(): void | Promise<void>
  stop(): void
}

/** Starts and stops parts on one log. Starts and stops run one after the other, in the order of the requests. */
class Run {
  readonly #log: ScopedLog
  readonly #parts: readonly Part[]
  #wanted = false
  #isStarted = false
  #turn: Promise<void> = Promise.resolve()

  constructor(log: ScopedLog, parts: readonly Part[]) {
    this.#log = log
    this.#parts = parts
  }

  start(): Promise<void> {
    this.#wanted = true
    return this.#next(() => this.#start())
  }

  stop(): Promise<void> {
    this.#wanted = false
    const idle = this.#halt()
    return this.#next(async () => {
      // A start that was in progress may have continued until now.
      await Promise.all([idle, this.#halt()])
      this.#isStarted = false
    })
  }

  async #start(): Promise<void> {
    if (this.#isStarted || !this.#wanted) return
    this.#isStarted = true
    this.#log.open()
    try {
      for (const part of this.#parts) {
        if (!this.#wanted) return
        await part.start()
      }
    } catch (error) {
      await this.#halt()
      this.#isStarted = false
      throw error
    }
  }

  /** Resolves when no append is in progress any more. */
  #halt(): Promise<void> {
    const idle = this.#log.close()
    for (const part of this.#parts.toReversed()) part.stop()
    return idle
  }

  #next(step: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(step)
    this.#turn = done.catch(() => {})
    return done
  }
}
