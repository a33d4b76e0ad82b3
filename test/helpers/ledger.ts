import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command, Role } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { Agent, fetch } from 'undici'
import { COUNTED, LedgerAgent, WHOLE } from './ledger-agent.ts'
import { LedgerDashboard } from './ledger-dashboard.ts'
import { size } from './sizes.ts'
import { until } from './until.ts'

/** The clients that produce load. */
export interface Load {
  agents: number
  dashboards: number
  callers: number
  /** The longest pause of a caller between two commands. */
  restMs: number
  /** Callers only work while a test waits in `goOn`. Commands in between would cost time and prove nothing more. */
  onlyWhileAwaited?: true
}

export interface LedgerOptions extends Load {
  /** The URL of any node, or of a balancer in front of the nodes. */
  url: string
  token(role: Role, sub?: string): string
}

interface Accepted {
  commandId: string
  asks: boolean
  /** When the command was first sent, and when it was answered, on the clock of `performance.now()`. */
  sentAt: number
  acceptedAt: number
}

const COUNT_EVERY_MS = size('COUNT_EVERY_MS', { quick: 200, full: 50 })
/** Longer than a node waits for another node to become active. */
const ANSWER_MS = 20_000
const RETRY_MS = 50
/** One in this many commands asks a question; 0: none. */
const ASKS_EVERY = size('CLUSTER_ASKS', { quick: 10, full: 20 })
/** What has not arrived by then will not arrive at all. */
const SETTLE_MS = 120_000

/**
 * Produces load, and keeps the records of all clients: callers with idempotency keys, agents with journals that count
 * their runs, and dashboards. `flaws` compares these records.
 */
export class Ledger {
  readonly agents: LedgerAgent[] = []
  readonly dashboards: LedgerDashboard[] = []
  readonly accepted: Accepted[] = []
  readonly #flaws: string[] = []
  readonly #options: LedgerOptions
  #keys = 0
  #calling: Promise<unknown> = Promise.resolve()
  #isCalling = false
  #awaited = 0
  readonly #wake = new EventEmitter()

  private constructor(options: LedgerOptions) {
    this.#options = options
  }

  /** Resolves when all clients are connected and the callers have started. */
  static async start(t: Test, options: LedgerOptions): Promise<Ledger> {
    const ledger = new Ledger(options)
    const { url, token, agents, dashboards, callers } = options
    const folder = join(t.testdir(), 'journals')
    for (let n = 0; n < agents; n++) {
      const agentId = `a${n}`
      ledger.agents.push(await LedgerAgent.start(t, { url, token: token('agent', agentId), agentId, folder }))
    }
    for (let n = 0; n < dashboards; n++) {
      const answers = n === 0
      ledger.dashboards.push(
        await LedgerDashboard.start(t, { url, token: token('operator', `d${n}`), patterns: ['agents.>'], answers }),
      )
    }
    ledger.agents[0]!.startCounting(COUNT_EVERY_MS)
    ledger.#isCalling = true
    ledger.#calling = Promise.all(Array.from({ length: callers }, (_, n) => ledger.#call(token('operator', `c${n}`))))
    t.teardown(() => ledger.#stop())
    return ledger
  }

  /** Adds dashboards that watch one agent count. */
  async watch(t: Test, count: number): Promise<LedgerDashboard[]> {
    const { url, token } = this.#options
    const patterns = [`agents.${this.agents[0]!.agentId}.sessions.${COUNTED}.messages`]
    const added: LedgerDashboard[] = []
    while (added.length < count) {
      const some = Math.min(25, count - added.length)
      added.push(
        ...(await Promise.all(
          Array.from({ length: some }, () =>
            LedgerDashboard.start(t, { url, token: token('viewer'), patterns, seesOnlyCount: true }),
          ),
        )),
      )
    }
    this.dashboards.push(...added)
    return added
  }

  /** Resolves when `count` commands first sent after this call have been accepted. */
  async goOn(count: number): Promise<void> {
    const from = performance.now()
    const isDone = () => {
      this.#throwFlaws()
      return this.accepted.filter(({ sentAt }) => sentAt >= from).length >= count
    }
    this.#awaited++
    this.#wake.emit('callers')
    try {
      await until(isDone)
    } finally {
      this.#awaited--
    }
  }

  /** How long after `at` the first command sent after it was accepted, in ms. */
  acceptedAfter(at: number): number {
    return Math.min(...this.accepted.filter(({ sentAt }) => sentAt >= at).map(({ acceptedAt }) => acceptedAt)) - at
  }

  /** Resolves when all agents and dashboards are connected. */
  async whole(): Promise<void> {
    await until(() => [...this.agents, ...this.dashboards].every(({ presence }) => presence.isOnline))
  }

  /** How long after `at` each client that lost its connection was connected again, in ms. */
  backAfter(at: number): number[] {
    return [...this.agents, ...this.dashboards]
      .map(({ presence }) => presence.backAfter(at))
      .filter(ms => ms !== undefined)
  }

  /**
   * Ends the load. Resolves when every dashboard has received all accepted commands, or after 2 minutes; `flaws` then
   * reports what is missing.
   */
  async settle(): Promise<void> {
    await this.#stop()
    const counted = this.agents[0]!.stopCounting()
    const latest = performance.now() + SETTLE_MS
    await until(() => {
      this.#throwFlaws()
      if (performance.now() > latest) return true
      return this.dashboards.every(dashboard => {
        if (dashboard.counted < counted) return false
        return dashboard.seesOnlyCount || this.accepted.every(({ commandId }) => dashboard.ends.has(commandId))
      })
    })
  }

  /** The inconsistencies between the records; must be empty. Call it after `settle`. */
  flaws(): string[] {
    const flaws = [...this.#flaws]
    const counted = this.agents[0]!.stopCounting()
    const runs = new Map(this.agents.flatMap(agent => [...agent.runs]))
    const answered = new Map(this.agents.flatMap(agent => [...agent.answered]))
    if (new Set(this.accepted.map(({ commandId }) => commandId)).size !== this.accepted.length)
      flaws.push('two keys got the same command')
    for (const { commandId, asks } of this.accepted) {
      if (runs.get(commandId) !== 1) flaws.push(`${commandId} ran ${runs.get(commandId) ?? 0} times`)
      if (asks && answered.get(`int_${commandId}`) !== 1)
        flaws.push(`the question of ${commandId} was not answered exactly once`)
    }
    if (runs.size !== this.accepted.length)
      flaws.push(`${runs.size} commands ran, ${this.accepted.length} were accepted`)
    for (const [n, dashboard] of this.dashboards.entries()) {
      const flaw = (text: string) => flaws.push(told(n)(text))
      for (const text of dashboard.flaws) flaw(text)
      if (dashboard.counted !== counted) flaw(`received ${dashboard.counted} of ${counted} numbers`)
      if (dashboard.seesOnlyCount) continue
      for (const { commandId } of this.accepted) {
        const ends = dashboard.ends.get(commandId)?.join() ?? 'nothing'
        if (ends !== 'succeeded') flaw(`${commandId} ended as ${ends}`)
        const text = dashboard.texts.get(commandId)
        if (text !== WHOLE) flaw(`the message of ${commandId} is ${JSON.stringify(text)}`)
      }
    }
    return flaws
  }

  /** Fails early: after a flaw, waiting would be in vain. */
  #throwFlaws(): void {
    const flaws = [...this.#flaws, ...this.dashboards.flatMap((dashboard, n) => dashboard.flaws.map(told(n)))]
    if (flaws.length > 0) throw new Error(flaws.join('\n'))
  }

  async #stop(): Promise<void> {
    this.#isCalling = false
    this.#wake.emit('callers')
    await this.#calling
  }

  async #call(token: string): Promise<void> {
    for (;;) {
      while (this.#options.onlyWhileAwaited && this.#isCalling && this.#awaited === 0) await once(this.#wake, 'callers')
      if (!this.#isCalling) return
      const n = this.#keys++
      const asks = ASKS_EVERY > 0 && n % ASKS_EVERY === 0
      const sentAt = performance.now()
      const command = await this.#submit(token, `key-${n}`, this.agents[n % this.agents.length]!.agentId, asks)
      if (command === undefined) return
      this.accepted.push({ commandId: command.commandId, asks, sentAt, acceptedAt: performance.now() })
      await delay(Math.random() * this.#options.restMs)
    }
  }

  /**
   * Repeats the request with the same key until it is answered, which is the purpose of the key. Each attempt uses a
   * new connection, so that the balancer chooses a node again.
   */
  async #submit(token: string, key: string, agentId: string, asks: boolean): Promise<Command | undefined> {
    for (;;) {
      const dispatcher = new Agent({ connections: 1 })
      try {
        const response = await fetch(`${this.#options.url}/api/v1/agents/${agentId}/commands`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            'idempotency-key': key,
          },
          body: JSON.stringify({ kind: 'work', input: { asks } }),
          signal: AbortSignal.timeout(ANSWER_MS),
          dispatcher,
        })
        const body = await response.json()
        if (response.status === 202 || response.status === 200) return body as Command
        if (response.status !== 503) {
          this.#flaws.push(`${key} was answered ${response.status} ${JSON.stringify(body)}`)
          return undefined
        }
        if (response.headers.get('retry-after') === null) this.#flaws.push(`${key}: 503 without Retry-After`)
      } catch {
        // The node died or is suspended.
      } finally {
        void dispatcher.destroy()
      }
      await delay(RETRY_MS)
    }
  }
}

const told = (dashboard: number) => (flaw: string) => `dashboard ${dashboard}: ${flaw}`
