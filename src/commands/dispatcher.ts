import { type Command, isFinal } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import type { AgentDirectory } from './agent-directory.ts'
import type { BatchGate } from './batch-gate.ts'
import { type CommandClock, CommandClocks } from './command-clocks.ts'
import type { CommandLedger } from './command-ledger.ts'
import type { CommandEvent } from './command-state.ts'
import type { SignsOfLife } from './signs-of-life.ts'

export interface DispatcherOptions {
  ledger: CommandLedger
  agents: AgentDirectory
  /** Holds back commands of batches. */
  gate: BatchGate
  /** Signs of life of a running command renew its lease. */
  signs: SignsOfLife
  clock: Clock
  ackDeadlineMs: number
  leaseMs: number
  cancelDeadlineMs: number
  onFault(error: unknown): void
}

const BACKOFF_BASE_MS = 250
const BACKOFF_CAP_MS = 10_000
/** Delay before a retry when the log could not accept. */
const RETRY_MS = 1000

/**
 * Dispatches queued commands to agents that have free capacity, and acts when a command's clock runs out. It reacts
 * only to the log, so it behaves the same after a restart and for changes that another node made.
 */
export class Dispatcher {
  readonly #ledger: CommandLedger
  readonly #agents: AgentDirectory
  readonly #clock: Clock
  readonly #options: DispatcherOptions
  readonly #gate: BatchGate
  readonly #signs: SignsOfLife
  readonly #clocks: CommandClocks
  /** By agent: when to look again for commands to dispatch. */
  readonly #pumps: Deadlines
  /** By agent: retries for a lost link that the log could not accept. */
  readonly #untold: Deadlines
  readonly #notBefore = new Map<string, number>()
  readonly #busyRejects = new Map<string, number>()
  /** Agents to which commands are being dispatched. True: something changed in the meantime, so look again. */
  readonly #pumping = new Map<string, boolean>()
  #stops: (() => void)[] = []

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#ledger = options.ledger
    this.#agents = options.agents
    this.#gate = options.gate
    this.#clock = options.clock
    this.#signs = options.signs
    this.#clocks = new CommandClocks({ ...options, onDue: (clock, commandId) => this.#due(clock, commandId) })
    this.#pumps = new Deadlines(options.clock)
    this.#untold = new Deadlines(options.clock)
  }

  /**
   * After a restart, a dispatched command gets a fresh ack deadline, and a running one is disconnected with a fresh
   * lease unless its agent is already ready. All changes are appended at once, so that they share the writes of the
   * log: one by one, thousands would delay the start.
   */
  async start(): Promise<void> {
    if (this.#isRunning) return
    for (const state of [this.#notBefore, this.#busyRejects, this.#pumping]) state.clear()
    this.#pumps.start()
    this.#untold.start()
    this.#stops = [
      this.#ledger.onChange((after, before) => this.#onChange(after, before)),
      this.#gate.onFree(agentId => this.#pump(agentId)),
    ]
    const left = [...this.#ledger.all()]
    this.#clocks.start(left)
    const agentIds = new Set(left.map(({ agentId }) => agentId))
    await Promise.all([...agentIds].map(id => (this.#agents.isReady(id) ? this.linkUp(id) : this.linkDown(id))))
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#clocks.stop()
    this.#pumps.stop()
    this.#untold.stop()
  }

  get #isRunning(): boolean {
    return this.#stops.length > 0
  }

  /** The agent is ready: commands that were sent before the disconnect and not acknowledged are resent. */
  linkUp(agentId: string): void {
    for (const command of this.#ledger.ofAgent(agentId)) {
      if (command.status === 'dispatched') this.#send(command)
      if (isCancelling(command)) this.#interrupt(command, false)
    }
    this.#pump(agentId)
  }

  /** The connection is gone: running commands become disconnected and keep their lease. */
  async linkDown(agentId: string): Promise<void> {
    const running = [...this.#ledger.ofAgent(agentId)].filter(({ status }) => status === 'running')
    const told = await Promise.all(running.map(({ commandId }) => this.#apply(commandId, { kind: 'link-lost' })))
    if (!told.includes(false)) return
    this.#untold.set(agentId, RETRY_MS, () => {
      // If the agent is back, its link is not lost, and nothing would correct a report that it is.
      if (!this.#agents.isConnected(agentId)) void this.linkDown(agentId)
    })
  }

  /** Signs of life of an agent's commands renew their leases. Commands of other agents are ignored. */
  heard(agentId: string, commandIds: Iterable<string>): void {
    for (const commandId of commandIds)
      if (this.#ledger.live(commandId)?.agentId === agentId) this.#signs.heard(commandId)
  }

  /** When a command was last heard of, on the monotonic clock. */
  heardAt(commandId: string): number | undefined {
    return this.#signs.heardAt(commandId)
  }

  /** The commands that the agent was asked to stop and has not confirmed: repeated in each heartbeat. */
  cancelling(agentId: string): string[] {
    return [...this.#ledger.ofAgent(agentId)].filter(isCancelling).map(c => c.commandId)
  }

  #onChange(after: Command, before: Command | undefined): void {
    this.#gate.changed(after)
    this.#clocks.watch(after, before)
    if (isCancelling(after) && before?.cancelRequestedAt === undefined) this.#interrupt(after, false)
    if (after.status === 'dispatched' && after.attempt !== before?.attempt) this.#send(after)
    if (after.status === 'queued' && before?.status === 'dispatched') this.#backOff(after)
    if (after.status === 'running') this.#busyRejects.delete(after.agentId)
    // An edited queued command may now be the first and interrupt running ones.
    if (after.status !== before?.status || after.status === 'queued') this.#pump(after.agentId)
  }

  /** Resolves with false if the log could not accept the resulting change. */
  async #due(clock: CommandClock, commandId: string): Promise<boolean> {
    const command = this.#ledger.live(commandId)
    if (command === undefined) return true
    switch (clock) {
      case 'ttl':
        return this.#apply(commandId, { kind: 'queue-ttl' })
      case 'ack':
        return this.#apply(commandId, { kind: 'ack-deadline', attempt: command.attempt })
      case 'lease':
        return this.#apply(commandId, {
          kind: 'lease-expired',
          lastSeenAt: this.#agents.lastSeenAt(command.agentId),
        })
      case 'run':
        return this.#apply(commandId, { kind: 'run-timeout' })
      case 'cancel':
        this.#interrupt(command, true)
        return true
      case 'force':
        return this.#apply(commandId, { kind: 'cancel-deadline' })
      default:
        return clock satisfies never
    }
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
      if (!this.#pumps.has(agentId)) this.#pumps.set(agentId, waitMs, () => this.#pump(agentId))
      return
    }
    this.#notBefore.delete(agentId)
    this.#pumping.set(agentId, false)
    void this.#fill(agentId).then(retry => {
      const again = this.#pumping.get(agentId) === true
      this.#pumping.delete(agentId)
      if (again && !retry) this.#pump(agentId)
      if (retry) this.#pumps.set(agentId, RETRY_MS, () => this.#pump(agentId))
    })
  }

  /** Dispatches until the agent is at capacity. Resolves with true if the log could not accept. */
  async #fill(agentId: string): Promise<boolean> {
    for (;;) {
      const { inFlight, queued } = this.#ledger.liveOf(agentId)
      const first = queued.find(command => this.#gate.isOpen(command))
      if (first === undefined || this.#notBefore.has(agentId) || !this.#agents.isReady(agentId)) return false
      const free = this.#agents.maxConcurrency(agentId) - inFlight.length
      if (free > 0) {
        if (await this.#dispatch(this.#enter(queued, free))) continue
        return true
      }
      if (first.whenBusy !== 'interrupt') return false
      const toStop = inFlight.filter(command => command.cancelRequestedAt === undefined)
      let isFull = false
      for (const { commandId } of toStop)
        if (!(await this.#apply(commandId, { kind: 'cancel', reason: 'superseded' }))) isFull = true
      return isFull
    }
  }

  /** The next commands, up to the free capacity. Each is checked at the gate after those before it have entered. */
  #enter(queued: readonly Command[], free: number): Command[] {
    const entered: Command[] = []
    for (const command of queued) {
      if (entered.length === free) break
      if (!this.#gate.isOpen(command)) continue
      this.#gate.enter(command)
      entered.push(command)
    }
    return entered
  }

  /** Appends the dispatches in order and at once, so that all share one commit. False if the log could not accept. */
  async #dispatch(commands: readonly Command[]): Promise<boolean> {
    const told = await Promise.all(commands.map(({ commandId }) => this.#apply(commandId, { kind: 'dispatch' })))
    for (const [i, command] of commands.entries()) if (!told[i]) this.#gate.changed(command)
    return !told.includes(false)
  }

  /** False if the log could not accept. The caller retries later, with the state at that time. */
  async #apply(commandId: string, event: CommandEvent): Promise<boolean> {
    try {
      return (await this.#ledger.apply(commandId, event)).status !== 'unavailable'
    } catch (error) {
      this.#options.onFault(error)
      return false
    }
  }
}

/** Whether the command was asked to stop and has not ended. */
const isCancelling = ({ cancelRequestedAt, status }: Command) => cancelRequestedAt !== undefined && !isFinal(status)
