import { type Command, isFinal } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import type { AgentDirectory } from './agent-directory.ts'
import { BatchGate } from './batch-gate.ts'
import type { CommandLedger } from './command-ledger.ts'
import { type CommandEvent, runDeadline } from './command-state.ts'

export interface DispatcherOptions {
  ledger: CommandLedger
  agents: AgentDirectory
  /** Holds commands back; default: none. */
  gate?: BatchGate
  clock: Clock
  ackDeadlineMs: number
  leaseMs: number
  cancelDeadlineMs: number
  onFault(error: unknown): void
}

const FORCE_GRACE_MS = 5000
const BACKOFF_BASE_MS = 250
const BACKOFF_CAP_MS = 10_000
/** The log said no: what was due is tried again. */
const RETRY_MS = 1000

/**
 * Makes commands move: sends what is queued to agents that are free, and watches the clocks of what is under way. It
 * reacts to the log alone, so it does the same after a restart, and for a change that another node made.
 */
export class Dispatcher {
  readonly #ledger: CommandLedger
  readonly #agents: AgentDirectory
  readonly #clock: Clock
  readonly #options: DispatcherOptions
  readonly #gate: BatchGate
  readonly #deadlines: Deadlines
  readonly #heardAt = new Map<string, number>()
  readonly #notBefore = new Map<string, number>()
  readonly #busyRejects = new Map<string, number>()
  /** Agents being filled; true: something changed meanwhile, look again. */
  readonly #pumping = new Map<string, boolean>()
  #stopListening: (() => void) | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#ledger = options.ledger
    this.#agents = options.agents
    this.#gate = options.gate ?? new BatchGate()
    this.#clock = options.clock
    this.#deadlines = new Deadlines(options.clock)
  }

  /** After a restart: a dispatched command gets a fresh ack deadline, a running one is disconnected with a fresh lease. */
  async start(): Promise<void> {
    if (this.#stopListening !== undefined) return
    this.#stopListening = this.#ledger.onChange((after, before) => this.#onChange(after, before))
    const left = [...this.#ledger.all()]
    for (const command of left) this.#watch(command, undefined)
    await this.#linkLost(left)
  }

  stop(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
    this.#deadlines.clearAll()
  }

  /** The agent can be sent to: what it was sent before the cut and did not acknowledge is sent again. */
  linkUp(agentId: string): void {
    for (const command of this.#ledger.ofAgent(agentId)) {
      if (command.status === 'dispatched') this.#send(command)
      if (isCancelling(command)) this.#interrupt(command, false)
    }
    this.#pump(agentId)
  }

  /** The socket is gone: running commands show it, and keep their lease. */
  async linkDown(agentId: string): Promise<void> {
    await this.#linkLost(this.#ledger.ofAgent(agentId))
  }

  /** Signs of life that an agent gives of its commands renew their leases; of another's it knows nothing. */
  heard(agentId: string, commandIds: Iterable<string>): void {
    const now = this.#clock.monotonic()
    for (const commandId of commandIds)
      if (this.#ledger.live(commandId)?.agentId === agentId) this.#heardAt.set(commandId, now)
  }

  /** When a command was last heard of, on the monotonic clock. */
  heardAt(commandId: string): number | undefined {
    return this.#heardAt.get(commandId)
  }

  /** The commands of an agent whose stop it has not confirmed: repeated in each heartbeat. */
  cancelling(agentId: string): string[] {
    return [...this.#ledger.ofAgent(agentId)].filter(isCancelling).map(c => c.commandId)
  }

  /** Something that held its commands back does so no more. */
  wake(agentId: string): void {
    this.#pump(agentId)
  }

  #onChange(after: Command, before: Command | undefined): void {
    this.#gate.changed(after)
    this.#watch(after, before)
    if (isCancelling(after) && before?.cancelRequestedAt === undefined) this.#interrupt(after, false)
    if (after.status === 'dispatched' && after.attempt !== before?.attempt) this.#send(after)
    if (after.status === 'queued' && before?.status === 'dispatched') this.#backOff(after)
    if (after.status === 'running') this.#busyRejects.delete(after.agentId)
    if (after.status !== before?.status) this.#pump(after.agentId)
  }

  /** All at once, so that they share the writes of the log: one after the other, thousands would hold up a start. */
  async #linkLost(commands: Iterable<Command>): Promise<void> {
    const running = [...commands].filter(command => command.status === 'running')
    await Promise.all(running.map(command => this.#apply(command.commandId, { kind: 'link-lost' })))
  }

  /** Arms the clocks that the state of a command asks for and clears the others. */
  #watch(command: Command, before: Command | undefined): void {
    const { commandId, status, attempt } = command
    const now = this.#clock.now()
    const arm = (clock: string, wanted: boolean, fresh: boolean, delayMs: () => number, onDue: () => void) => {
      const key = `${commandId} ${clock}`
      if (!wanted) {
        if (before !== undefined) this.#deadlines.clear(key)
      } else if (fresh || !this.#deadlines.has(key)) this.#deadlines.set(key, delayMs(), onDue)
    }
    const apply = (event: CommandEvent) => () => void this.#apply(commandId, event)

    // Armed once, also for when it is queued again: the wall clock may have jumped before that.
    arm(
      'ttl',
      status === 'queued' || status === 'dispatched',
      false,
      () => command.createdAt + command.queueTtlMs - now,
      apply({ kind: 'queue-ttl' }),
    )
    arm(
      'ack',
      status === 'dispatched',
      attempt !== before?.attempt,
      () => this.#options.ackDeadlineMs,
      apply({ kind: 'ack-deadline', attempt }),
    )
    const running = status === 'running'
    if (running && before?.status !== 'running') this.#heardAt.set(commandId, this.#clock.monotonic())
    arm(
      'lease',
      running,
      false,
      () => this.#options.leaseMs,
      () => this.#leaseDue(commandId),
    )
    const runUntil = running && command.cancelRequestedAt === undefined ? runDeadline(command) : undefined
    arm('run', runUntil !== undefined, true, () => (runUntil ?? now) - now, apply({ kind: 'run-timeout' }))
    const cancelling = command.cancelRequestedAt !== undefined && (running || status === 'dispatched')
    arm(
      'cancel',
      cancelling,
      false,
      () => this.#options.cancelDeadlineMs,
      () => this.#cancelDue(commandId),
    )
    if (!running) this.#heardAt.delete(commandId)
  }

  /** A heartbeat or report since the lease was armed moves its end. */
  #leaseDue(commandId: string): void {
    const command = this.#ledger.live(commandId)
    if (command === undefined) return
    const left = (this.#heardAt.get(commandId) ?? 0) + this.#options.leaseMs - this.#clock.monotonic()
    if (left > 0) this.#deadlines.set(`${commandId} lease`, left, () => this.#leaseDue(commandId))
    else void this.#apply(commandId, { kind: 'lease-expired', lastSeenAt: this.#agents.lastSeenAt(command.agentId) })
  }

  /** Not confirmed in time: it is forced once, then shown as cancelled without confirmation. */
  #cancelDue(commandId: string): void {
    const command = this.#ledger.live(commandId)
    if (command === undefined) return
    this.#interrupt(command, true)
    const graceMs = Math.min(FORCE_GRACE_MS, this.#options.cancelDeadlineMs)
    this.#deadlines.set(`${commandId} cancel`, graceMs, () => void this.#apply(commandId, { kind: 'cancel-deadline' }))
  }

  #send(command: Command): void {
    const { commandId, attempt, kind, input, sessionId, taskId, runTimeoutMs, stdio } = command
    this.#agents.send(command.agentId, 'command:dispatch', {
      commandId,
      attempt,
      kind,
      input,
      runTimeoutMs,
      ...(sessionId !== undefined && { sessionId }),
      ...(taskId !== undefined && { taskId }),
      ...(stdio !== undefined && { stdio }),
      ...(command.reason === 'requeued' && { rerun: true }),
    })
  }

  #interrupt({ agentId, commandId, attempt }: Command, force: boolean): void {
    this.#agents.send(agentId, 'command:interrupt', { commandId, attempt, force })
  }

  #backOff(command: Command): void {
    const tries = command.reason === 'busy' ? (this.#busyRejects.get(command.agentId) ?? 0) + 1 : command.attempt
    if (command.reason === 'busy') this.#busyRejects.set(command.agentId, tries)
    const delayMs = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (tries - 1))
    this.#notBefore.set(command.agentId, this.#clock.monotonic() + delayMs)
  }

  #pump(agentId: string): void {
    if (!this.#agents.isReady(agentId)) return
    if (this.#pumping.has(agentId)) {
      this.#pumping.set(agentId, true)
      return
    }
    const waitMs = (this.#notBefore.get(agentId) ?? 0) - this.#clock.monotonic()
    if (waitMs > 0) {
      if (!this.#deadlines.has(`${agentId} pump`))
        this.#deadlines.set(`${agentId} pump`, waitMs, () => this.#pump(agentId))
      return
    }
    this.#notBefore.delete(agentId)
    this.#pumping.set(agentId, false)
    void this.#fill(agentId).then(retry => {
      const again = this.#pumping.get(agentId) === true
      this.#pumping.delete(agentId)
      if (again && !retry) this.#pump(agentId)
      if (retry) this.#deadlines.set(`${agentId} pump`, RETRY_MS, () => this.#pump(agentId))
    })
  }

  /** Sends to the agent until it has all it can take. Resolves true when the log could not accept. */
  async #fill(agentId: string): Promise<boolean> {
    for (;;) {
      const { inFlight, queued } = this.#ledger.queueOf(agentId)
      const first = queued.find(command => this.#gate.isOpen(command))
      if (first === undefined || this.#notBefore.has(agentId) || !this.#agents.isReady(agentId)) return false
      if (inFlight.length < this.#agents.maxConcurrency(agentId)) {
        this.#gate.enter(first)
        if (await this.#apply(first.commandId, { kind: 'dispatch' })) continue
        this.#gate.changed(first)
        return true
      }
      if (first.whenBusy !== 'interrupt') return false
      const toStop = inFlight.filter(command => command.cancelRequestedAt === undefined)
      for (const { commandId } of toStop) await this.#apply(commandId, { kind: 'cancel', reason: 'superseded' })
      return false
    }
  }

  /** False when the log could not accept; what was due then comes again. */
  async #apply(commandId: string, event: CommandEvent): Promise<boolean> {
    try {
      const applied = await this.#ledger.apply(commandId, event)
      if (applied.status !== 'unavailable') return true
    } catch (error) {
      this.#options.onFault(error)
    }
    if (event.kind !== 'dispatch' && this.#stopListening !== undefined) {
      this.#deadlines.set(`${commandId} ${event.kind}`, RETRY_MS, () => void this.#apply(commandId, event))
    }
    return false
  }
}

/** The agent was asked to stop it and has not answered. */
const isCancelling = ({ cancelRequestedAt, status }: Command) => cancelRequestedAt !== undefined && !isFinal(status)
