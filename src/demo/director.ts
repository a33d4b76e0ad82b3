import { DashboardClient } from '@fleetwire/client/node'
import { type Agent, type Command, isFinal } from '@fleetwire/protocol'
import { pause } from './pause.ts'

export interface DirectorOptions {
  url: string
  /** An operator token: the director does nothing that other operators cannot do. */
  token: string
  /** Synthetic agents that get commands now and then. */
  synthetic: readonly string[]
  /** The routines to run, all concurrently, each in an endless loop. */
  routines: readonly Routine[]
  onNote(message: string): void
}

/** A command that its agent has not taken within this time expires, so that none pile up while the agent is away. */
const QUEUE_TTL_MS = 5 * 60_000
const AFTER_FAULT_MS = 10_000

export type Routine = (director: Director) => Promise<void>
type Job = { agentId: string; kind: string; input: string; sessionId?: string }

/**
 * Gives the agents of the demo something to do, using only the public API: it submits commands, watches how they end,
 * retries failed ones and types into a terminal. It answers no questions: those are for people.
 */
export class Director {
  readonly client: DashboardClient
  readonly synthetic: readonly string[]
  readonly #options: DirectorOptions
  readonly #life = new AbortController()
  /** Waiters for the end of commands, by command id. */
  readonly #waiting = new Map<string, { resolve(command: Command): void; reject(reason: unknown): void }>()
  /** Agents that have connected at least once: the server refuses commands for agents that it does not know. */
  readonly #known = new Map<string, { known: Promise<void>; meet(): void }>()
  /** Commands that ended before anybody waited for them: an event may arrive before the response to its request. */
  readonly #ended = new Map<string, Command>()

  constructor(options: DirectorOptions) {
    this.#options = options
    this.synthetic = options.synthetic
    this.client = new DashboardClient({ url: options.url, token: options.token, client: { name: 'fleetwire-demo' } })
  }

  get signal(): AbortSignal {
    return this.#life.signal
  }

  start(): void {
    const heard = (type: string, payload: unknown) => {
      if (type === 'agent:status') this.#acquaintance((payload as Agent).agentId).meet()
      if (type.startsWith('command:') && isFinal((payload as Command).status)) this.#hear(payload as Command)
    }
    this.client.subscribe(
      ['agents.*.status', 'agents.*.commands.*'],
      {
        snapshot: ({ records }) => {
          for (const { type, payload } of records) heard(type, payload)
        },
        event: ({ type, payload }) => heard(type, payload),
      },
      { snapshot: 'active' },
    )
    this.client.connect()
    for (const routine of this.#options.routines) void this.#play(routine)
  }

  stop(): void {
    this.#life.abort(new Error('the demo ends'))
    for (const { reject } of this.#waiting.values()) reject(this.#life.signal.reason)
    this.client.close()
  }

  pause(ms: number): Promise<void> {
    return pause(ms, this.#life.signal)
  }

  /** Waits until the agent has connected once, then submits. Throws if the server refuses the command. */
  async submit(job: Job): Promise<Command> {
    await this.#acquaintance(job.agentId).known
    const result = await this.client.submit({ queueTtlMs: QUEUE_TTL_MS, ...job }, { offline: 'queue' })
    if (!result.ok) throw new Error(`${job.agentId}: ${result.error.message}`)
    return result.command
  }

  /** Submits a command and resolves with it once it has ended, in any way. */
  async run(job: Job): Promise<Command> {
    return this.ended((await this.submit(job)).commandId)
  }

  ended(commandId: string): Promise<Command> {
    const command = this.#ended.get(commandId)
    if (command !== undefined) return Promise.resolve(command)
    if (this.#life.signal.aborted) return Promise.reject(this.#life.signal.reason)
    return new Promise((resolve, reject) => this.#waiting.set(commandId, { resolve, reject }))
  }

  /** Calls the REST API. Throws with the server's message. */
  async call<T>(path: string, body: unknown = {}): Promise<T> {
    const { url, token } = this.#options
    const response = await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: this.#life.signal,
    })
    const answer = (await response.json()) as T & { message?: string }
    if (!response.ok) throw new Error(`${path}: ${answer.message ?? response.status}`)
    return answer
  }

  #acquaintance(agentId: string): { known: Promise<void>; meet(): void } {
    let it = this.#known.get(agentId)
    if (it === undefined) {
      let meet = () => {}
      const known = new Promise<void>(resolve => {
        meet = resolve
      })
      it = { known, meet }
      this.#known.set(agentId, it)
    }
    return it
  }

  #hear(command: Command): void {
    const { commandId } = command
    const waiting = this.#waiting.get(commandId)
    this.#waiting.delete(commandId)
    if (waiting === undefined) this.#keep(command)
    else waiting.resolve(command)
  }

  #keep(command: Command): void {
    this.#ended.set(command.commandId, command)
    // Most are commands of people, which nobody here waits for.
    if (this.#ended.size > 100) this.#ended.delete(this.#ended.keys().next().value!)
  }

  /** Repeats the routine, also after errors. */
  async #play(routine: Routine): Promise<void> {
    while (!this.#life.signal.aborted) {
      try {
        await routine(this)
      } catch (error) {
        if (this.#life.signal.aborted) return
        this.#options.onNote(`director: ${(error as Error).message}`)
        await this.pause(AFTER_FAULT_MS).catch(() => {})
      }
    }
  }
}
