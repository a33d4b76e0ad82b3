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
import type { AgentConnection, AgentTerminals } from '../../src/agents/agent-connection.ts'
import type { AgentSession } from '../../src/agents/agent-session.ts'
import type { SubmitRequest } from '../../src/commands/command-types.ts'
import { createFleet, type Fleet, type FleetPorts, type FleetSettings } from '../../src/fleet.ts'
import type { FleetEvent } from '../../src/log/event-log.ts'
import { openSqliteLog } from '../../src/log/sqlite-log.ts'
import { OpenMessages } from '../../src/sessions/open-messages.ts'
import type { WebhookSender } from '../../src/webhooks/webhook-sender.ts'
import { expectCatalogued } from './catalogued.ts'
import { CountingClock } from './counting-clock.ts'
import { FakeClock } from './fake-clock.ts'
import { FillableLog } from './fillable-log.ts'
import { inSharedThread } from './log-thread.ts'

type Sent = { [K in AgentServerFrameType]: { type: K; payload: AgentServerPayloads[K] } }[AgentServerFrameType]

const DAY_MS = 86_400_000

export const deadlines = { ackDeadlineMs: 10_000, leaseMs: 300_000, cancelDeadlineMs: 30_000, heartbeatMs: 10_000 }

export const fleetSettings: FleetSettings = {
  ...deadlines,
  ...{ commandRetentionMs: DAY_MS, sessionRetentionMs: DAY_MS, taskRetentionMs: DAY_MS },
  ...{ queueLimit: 100, maxSessions: 2000, maxOpenItems: 256, maxOpenInteractions: 1000, maxUsageModels: 1000 },
  ...{ maxWebhooks: 100, webhookConcurrency: 100, webhookMaxBytes: 262_144, webhookDisableAfterMs: DAY_MS },
  limits: { maxFrameBytes: 262_144, frameRate: 100, frameBurst: 200 },
}

export const noTerminals: AgentTerminals = {
  attach() {},
  detach() {},
  output: () => undefined,
  resize: () => undefined,
  exit() {},
  taken() {},
}

/** Reaches no receiver. */
export const noReceivers: WebhookSender = {
  send: async () => ({ ok: false, error: 'there is no receiver', at: 0, durationMs: 0 }),
  urlFlaw: async () => undefined,
  close() {},
}

export const noWebhooks: FleetPorts['webhooks'] = {
  sender: noReceivers,
  revocations: { isRevoked: () => false, onRevoked: () => () => {} },
  onNote() {},
}

/** The whole domain without sockets, on a real log and a fake clock. */
export async function startFleet(
  t: Test,
  {
    dir = t.testdir(),
    queueLimit = 100,
    clock = new FakeClock(),
    limited = {} as Partial<FleetSettings>,
    webhooks = noWebhooks,
    takesOver = false,
  } = {},
) {
  const onFault = (error: unknown) => t.fail('a fault', { error })
  const stored = await openSqliteLog({
    dir,
    clock,
    startWorker: inSharedThread,
    retention: { count: 100_000, ms: DAY_MS },
  })
  const log = new FillableLog(stored)
  expectCatalogued(t, log)
  const events: FleetEvent[] = []
  const looks = new Set<() => void>()
  log.follow(batch => {
    events.push(...batch)
    for (const look of looks) look()
  })
  const openMessages = new OpenMessages({ log })
  await openMessages.start()
  const settings = { ...fleetSettings, ...limited, queueLimit }
  const timers = new CountingClock(clock)
  const fleet = createFleet({
    ...{ log, clock: timers, openMessages, terminals: noTerminals, webhooks, settings, takesOver, onFault },
  })
  await fleet.start()

  let ended: Promise<void> | undefined
  /** Stops the fleet, and closes its log. */
  const end = () => {
    ended ??= (async () => {
      await fleet.stop()
      openMessages.stop()
      await log.close()
    })()
    return ended
  }
  t.teardown(end)

  /** Resolves with the first matching event at or after index `from`, past or future. */
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

  const submit = async (agentId: string, request: Partial<SubmitRequest> = {}): Promise<Command> => {
    const result = await fleet.commandQueue.submit({
      agentId,
      kind: 'shell',
      input: 'true',
      createdBy: 'tester',
      ...request,
    })
    if (result.status === 'refused') throw new Error(`refused: ${result.error.message}`)
    return result.command
  }

  return {
    ...fleet,
    ...{ log, clock, dir, openMessages, events, event, commandEvent, submit, timers },
    end,
    /** Removes events past their retention. */
    retain: () => stored.retain(),
    agent: (id: string) => new FakeAgent(t, id, fleet),
  }
}

/** An agent without a socket: a real session handles its frames, and it keeps the frames it is sent. */
export class FakeAgent {
  readonly sent: Sent[] = []
  readonly errors: WireError[] = []
  closed: { code: number; reason: string } | undefined
  readonly #session: AgentSession
  readonly #looks = new Set<() => void>()
  #n = 0

  constructor(t: Test, agentId: string, fleet: Pick<Fleet, 'agentSession'>) {
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
    this.#session = fleet.agentSession(agentId, connection)
    t.teardown(() => this.#session.onClose())
  }

  /** Sends a frame unchanged. */
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

  /** Lets time pass while the agent keeps sending heartbeats. */
  live(clock: FakeClock, ms: number, running: string[] = []): void {
    for (let left = ms; left > 0; left -= deadlines.heartbeatMs) {
      this.raw('heartbeat', { running })
      clock.advance(Math.min(left, deadlines.heartbeatMs))
    }
  }

  /** Cuts the connection. */
  cut(): void {
    this.#session.onClose()
  }

  /** Resolves with the first matching frame of this type, past or future. */
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

  /** Resolves with the first defined result of `look`. */
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
