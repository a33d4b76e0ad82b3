import type {
  AgentFrameType,
  AgentPayloads,
  AgentServerFrameType,
  AgentServerPayloads,
  Command,
  WireError,
} from '@fleetwire/protocol'
import { agentServerFrameFlaw } from '@fleetwire/protocol'
import type { Test } from 'tap'
import type { AgentConnection } from '../../src/agents/agent-connection.ts'
import { AgentRegistry } from '../../src/agents/agent-registry.ts'
import { AgentSession } from '../../src/agents/agent-session.ts'
import { CommandLedger } from '../../src/commands/command-ledger.ts'
import { CommandService } from '../../src/commands/command-service.ts'
import { Dispatcher } from '../../src/commands/dispatcher.ts'
import { InteractionEffects } from '../../src/interactions/interaction-effects.ts'
import { InteractionLedger } from '../../src/interactions/interaction-ledger.ts'
import { InteractionService } from '../../src/interactions/interaction-service.ts'
import type { FleetEvent } from '../../src/log/event-log.ts'
import { openSqliteLog } from '../../src/log/sqlite-log.ts'
import { OpenMessages } from '../../src/sessions/open-messages.ts'
import { SessionService } from '../../src/sessions/session-service.ts'
import { TaskService } from '../../src/tasks/task-service.ts'
import { expectCatalogued } from './catalogued.ts'
import { FakeClock } from './fake-clock.ts'
import { FillableLog } from './fillable-log.ts'

type Sent = { [K in AgentServerFrameType]: { type: K; payload: AgentServerPayloads[K] } }[AgentServerFrameType]

export const deadlines = { ackDeadlineMs: 10_000, leaseMs: 300_000, cancelDeadlineMs: 30_000, heartbeatMs: 10_000 }

/** What one agent may have, as it is by default. */
export const caps = { maxSessions: 2000, maxOpenItems: 256, maxOpen: 1000, maxUsageModels: 1000 }

/** Everything behind the sockets, on a real log and a fake clock. */
export async function startFleet(
  t: Test,
  { dir = t.testdir(), queueLimit = 100, clock = new FakeClock(), limited = {} as Partial<typeof caps> } = {},
) {
  const { maxOpen, maxUsageModels, ...sessionLimits } = { ...caps, ...limited }
  const onFault = (error: unknown) => t.fail('a fault', { error })
  const log = new FillableLog(await openSqliteLog({ dir, clock, retention: { count: 100_000, ms: 86_400_000 } }))
  expectCatalogued(t, log)
  const events: FleetEvent[] = []
  const looks = new Set<() => void>()
  log.follow(batch => {
    events.push(...batch)
    for (const look of looks) look()
  })
  const ledger = new CommandLedger({ log, clock, retentionMs: 86_400_000 })
  const agents = new AgentRegistry({
    ...{ log, commands: ledger, clock, heartbeatMs: deadlines.heartbeatMs, onFault },
    heardOf: commandId => dispatcher.heardAt(commandId),
    openInteractions: agentId => asked.openOf(agentId),
  })
  const dispatcher: Dispatcher = new Dispatcher({ ledger, agents, clock, ...deadlines, onFault })
  const retentionMs = 86_400_000
  const tasks = new TaskService({ log, clock, retentionMs })
  const queue = new CommandService({ log, ledger, agents, tasks, clock, queueLimit })
  const asked = new InteractionLedger({ log, clock, retentionMs, commandOf: commandId => ledger.get(commandId) })
  const answers = new InteractionEffects({ log, ledger: asked, commands: ledger, agents, clock, onFault })
  const interactions = new InteractionService({ log, ledger: asked, commands: ledger, maxOpen })
  asked.onChange(({ agentId }) => agents.refresh(agentId))
  const open = new OpenMessages({ log })
  const sessions = new SessionService({ log, open, clock, retentionMs: 86_400_000, limits: sessionLimits, onFault })
  await open.start()
  await sessions.start()
  await ledger.start()
  await asked.start()
  await agents.start()
  await dispatcher.start()
  await answers.start()

  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= (async () => {
      queue.stop()
      answers.stop()
      asked.stop()
      dispatcher.stop()
      agents.stop()
      ledger.stop()
      sessions.stop()
      open.stop()
      await log.close()
    })()
    return stopped
  }
  t.teardown(stop)

  /** Resolves with the first event, past or coming, that fits; events before `from` are not looked at. */
  const event = (fits: (event: FleetEvent) => boolean, from = 0): Promise<FleetEvent> =>
    new Promise(resolve => {
      const look = () => {
        const found = events.slice(from).find(fits)
        if (found === undefined) return
        looks.delete(look)
        resolve(found)
      }
      looks.add(look)
      look()
    })
  const commandEvent = async (commandId: string, type: string, from = 0): Promise<Command> =>
    (await event(e => e.type === type && (e.payload as Command).commandId === commandId, from)).payload as Command

  const terminals = {
    attach() {},
    detach() {},
    output: () => undefined,
    resize: () => undefined,
    exit() {},
    taken() {},
  }
  const limits = { maxFrameBytes: 262_144, frameRate: 100, frameBurst: 200 }
  const services = {
    log,
    ledger,
    dispatcher,
    agents,
    sessions,
    tasks,
    interactions,
    answers,
    terminals,
    clock,
    heartbeatMs: deadlines.heartbeatMs,
    maxUsageModels,
    limits,
    onFault,
  }

  const submit = async (
    agentId: string,
    request: Partial<Parameters<CommandService['submit']>[0]> = {},
  ): Promise<Command> => {
    const result = await queue.submit({ agentId, kind: 'shell', input: 'true', createdBy: 'tester', ...request })
    if (result.status === 'refused') throw new Error(`refused: ${result.error.message}`)
    return result.command
  }

  return {
    log,
    clock,
    ledger,
    agents,
    dispatcher,
    interactions,
    queue,
    tasks,
    open,
    sessions,
    events,
    event,
    commandEvent,
    submit,
    stop,
    dir,
    agent: (id: string) => new FakeAgent(t, id, services),
  }
}

/** An agent whose socket is a pair of arrays: what it sends is handled by a real session, what it is sent is kept. */
export class FakeAgent {
  readonly sent: Sent[] = []
  readonly errors: WireError[] = []
  closed: { code: number; reason: string } | undefined
  readonly #session: AgentSession
  readonly #looks = new Set<() => void>()
  #n = 0

  constructor(t: Test, agentId: string, services: ConstructorParameters<typeof AgentSession>[2]) {
    const connection: AgentConnection = {
      id: `con_${agentId}`,
      send: (type, payload) => {
        const flaw = agentServerFrameFlaw(type, payload)
        if (flaw !== undefined) t.fail(`sent a frame that is not valid: ${flaw}`, { type, payload })
        this.#add(() => this.sent.push({ type, payload } as Sent))
      },
      error: (code, message) => this.#add(() => this.errors.push({ code, message, retryable: false })),
      join: () => {},
      close: (code, reason) => {
        if (this.closed === undefined) this.#add(() => (this.closed = { code, reason }))
        queueMicrotask(() => this.#session.onClose())
      },
    }
    this.#session = new AgentSession(agentId, connection, services)
    t.teardown(() => this.#session.onClose())
  }

  /** Sends a frame as it is. */
  raw<K extends AgentFrameType>(type: K, payload: AgentPayloads[K], n?: number): void {
    this.#session.onFrame({ type, payload, ...(n !== undefined && { n }) } as never)
  }

  /** Sends a numbered frame, with the next number unless one is given. */
  report<K extends AgentFrameType>(type: K, payload: AgentPayloads[K], n = ++this.#n): void {
    this.#n = n
    this.raw(type, payload, n)
  }

  async hello(
    hello: Partial<AgentPayloads['agent:connect']> = {},
    n?: number,
  ): Promise<AgentServerPayloads['connection:established']> {
    this.raw('agent:connect', { bootId: 'boot1', inventory: [], ...hello }, n)
    const established = await this.next('connection:established')
    this.#n = established.ackedN
    return established
  }

  refused(n: number): void {
    this.#session.onRefused(n)
  }

  /** Lets time pass while the agent goes on to say that it is alive. */
  live(clock: FakeClock, ms: number, running: string[] = []): void {
    for (let left = ms; left > 0; left -= deadlines.heartbeatMs) {
      this.raw('heartbeat', { running })
      clock.advance(Math.min(left, deadlines.heartbeatMs))
    }
  }

  /** The socket is gone. */
  cut(): void {
    this.#session.onClose()
  }

  /** The first frame of a type, past or coming, that fits. */
  next<K extends AgentServerFrameType>(
    type: K,
    fits: (payload: AgentServerPayloads[K]) => boolean = () => true,
  ): Promise<AgentServerPayloads[K]> {
    return this.until(
      () =>
        this.sent.find((f): f is Extract<Sent, { type: K }> => f.type === type && fits(f.payload as never))?.payload as
          | AgentServerPayloads[K]
          | undefined,
    )
  }

  /** Resolves with the first thing that `look` finds. */
  until<T>(look: () => T | undefined): Promise<T> {
    return new Promise(resolve => {
      const again = () => {
        const found = look()
        if (found === undefined) return
        this.#looks.delete(again)
        resolve(found)
      }
      this.#looks.add(again)
      again()
    })
  }

  acked(n: number): Promise<unknown> {
    return this.next('report:ack', ack => ack.n >= n)
  }

  #add(change: () => void): void {
    change()
    for (const look of this.#looks) look()
  }
}
