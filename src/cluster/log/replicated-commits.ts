import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../../clock.ts'
import type { Failure, Outcome, WorkerClient } from '../../log/sqlite-client.ts'
import type { AppendOp, Calls, Committed, ReplicaChange, RetainStep, StoredRecord } from '../../log/sqlite-messages.ts'
import { packAppends } from '../../log/sqlite-packing.ts'
import type { CommitWriter } from './commit-writer.ts'
import { decide, topicsToDecide } from './decide.ts'
import { encodeEntry } from './log-entry.ts'
import type { ReplicaApplier } from './replica-applier.ts'

type RetainResult = Calls['retain']['result']

export interface ReplicatedCommitsOptions {
  clock: Clock
  client: WorkerClient
  applier: ReplicaApplier
  writer: CommitWriter
  /** The last seq assigned. */
  head: () => number
  /** How long a caller waits. What is in progress continues after that, until its outcome is known. */
  timeoutMs: number
  /** The stream has accepted a commit of this node, this long after it was sent. */
  onWritten?: ((ms: number) => void) | undefined
}

/** A commit that was sent, and whose callers wait for the replica to have it. */
export interface OwnCommit {
  change: ReplicaChange
  /** The operations of a change that appends. */
  ops: AppendOp[]
  /** Returns false if the caller no longer waits: followers must then be notified as of a commit of another node. */
  onApplied: (result: RetainResult | null) => boolean
}

const NOT_LEADING = 'another node leads'

/**
 * Decides, writes and applies what this node commits while it leads: one commit after another, each decided on
 * everything before it.
 */
export class ReplicatedCommits {
  readonly #options: ReplicatedCommitsOptions
  #turn: Promise<void> = Promise.resolve()
  #own: ({ id: string } & OwnCommit) | undefined
  /** Callbacks of callers that wait for an answer. */
  readonly #waiting = new Set<(failure: Failure) => void>()

  constructor(options: ReplicatedCommitsOptions) {
    this.#options = options
  }

  /** The commit of this node with that id, when the stream delivers it. */
  underWay(id: string): OwnCommit | undefined {
    return this.#own?.id === id ? this.#own : undefined
  }

  /** Resolves with whether this node leads. Waits for an earlier commit of its own whose outcome is not known yet. */
  async lead(change: () => ReplicaChange, isWanted: () => boolean): Promise<boolean> {
    const end = await this.#takeTurn()
    try {
      const { status } = await this.#options.writer.claim(randomUUID(), () => encodeEntry(change()), isWanted)
      return status === 'written'
    } finally {
      end()
    }
  }

  /** Writes that no node leads, after everything accepted so far. Resolves when the outcome is known, or on timeout. */
  async resign(change: () => ReplicaChange, withinMs: number): Promise<void> {
    const { clock } = this.#options
    const told = this.#inTurn<null>(
      () => {},
      async answer => this.#write(change(), [], answer, () => answer({ status: 'ok', value: null })),
    )
    let timer: Timer | undefined
    const late = new Promise<void>(resolve => {
      timer = clock.setTimeout(resolve, withinMs)
    })
    await Promise.race([told, late])
    timer?.cancel()
  }

  append(ops: AppendOp[], onDone: (outcome: { status: 'ok'; value: Committed } | Failure) => void): Promise<void> {
    return this.#inTurn<Committed>(onDone, async answer => {
      const current = await this.#current(topicsToDecide(ops))
      if (current.status === 'error') return answer(current)
      const { results, accepted, head } = decide(ops, current.value, this.#options.head())
      const value = { results, head }
      // If everything is refused, nothing is written.
      if (accepted.length === 0) return answer({ status: 'ok', value })
      const first = this.#options.head() + 1
      const change: ReplicaChange = { kind: 'appends', first, packed: packAppends(accepted) }
      await this.#write(change, accepted, answer, () => answer({ status: 'ok', value }))
    })
  }

  /** One chunk of retention. If it removes nothing, nothing is written. */
  retain(_call: 'retain', step: RetainStep, onDone: (outcome: Outcome<'retain'>) => void): void {
    void this.#inTurn<RetainResult>(onDone, async answer => {
      const found = await this.#ask('due', step)
      if (found.status === 'error') return answer(found)
      const { due, ...usage } = found.value
      if (!due) return answer({ status: 'ok', value: { more: false, ...usage } })
      await this.#write({ kind: 'retain', step }, [], answer, result => answer({ status: 'ok', value: result! }))
    })
  }

  /** Resolves when the outcome of everything that was begun is known. */
  settled(): Promise<void> {
    return this.#turn
  }

  /** Nothing more is applied, so nobody need wait. */
  fail(reason: string): void {
    for (const answer of this.#waiting) answer(failure(`${reason}; it may still be written`, true))
  }

  /** Runs `work` once the outcome of everything before it is known. Answers once, at the latest after the timeout. */
  async #inTurn<T>(
    onDone: (outcome: { status: 'ok'; value: T } | Failure) => void,
    work: (answer: (outcome: { status: 'ok'; value: T } | Failure) => boolean) => Promise<unknown>,
  ): Promise<void> {
    const { clock, timeoutMs } = this.#options
    let isAnswered = false
    let isSent = false
    const answer = (outcome: { status: 'ok'; value: T } | Failure): boolean => {
      if (isAnswered) return false
      isAnswered = true
      this.#waiting.delete(answer)
      timer.cancel()
      onDone(outcome)
      return true
    }
    const timer = clock.setTimeout(() => {
      const rest = isSent ? 'it may still be written' : 'nothing was written'
      const message = `the NATS servers have not stored it for ${timeoutMs / 1000} s; ${rest}`
      answer({ ...failure(message, isSent), timedOut: true })
    }, timeoutMs)
    this.#waiting.add(answer)
    const end = await this.#takeTurn()
    try {
      if (isAnswered) return
      isSent = true
      await work(answer)
    } finally {
      end()
    }
  }

  /** Resolves once the outcome of everything before is known, with a function that ends the turn. */
  async #takeTurn(): Promise<() => void> {
    const before = this.#turn
    let end = () => {}
    this.#turn = new Promise(resolve => {
      end = resolve
    })
    await before
    return end
  }

  /** Resolves when the outcome of the commit is known. */
  async #write(
    change: ReplicaChange,
    ops: AppendOp[],
    fail: (failure: Failure) => boolean,
    onApplied: (result: RetainResult | null) => boolean,
  ): Promise<void> {
    const { clock, writer, onWritten } = this.#options
    const id = randomUUID()
    const from = clock.monotonic()
    this.#own = { id, change, ops, onApplied }
    const { status } = await writer.commit(id, encodeEntry(change))
    this.#own = undefined
    if (status === 'written') onWritten?.(clock.monotonic() - from)
    if (status === 'deposed') fail(failure(NOT_LEADING))
    if (status === 'unknown') fail(failure('this node stopped; it may still be written', true))
  }

  async #current(topics: string[]): Promise<{ status: 'ok'; value: Map<string, StoredRecord | undefined> } | Failure> {
    if (topics.length === 0) return { status: 'ok', value: new Map() }
    const found = await this.#ask('current', topics)
    if (found.status === 'error') return found
    return { status: 'ok', value: new Map(topics.map((topic, i) => [topic, found.value[i]])) }
  }

  /** Asks the replica, after everything that the stream has delivered. */
  #ask<K extends 'current' | 'due'>(call: K, args: Calls[K]['args']): Promise<Outcome<K>> {
    this.#options.applier.flush()
    return new Promise(resolve => this.#options.client.call(call, args, resolve))
  }
}

const failure = (message: string, mayBeDone = false): Failure => ({ status: 'error', message, fatal: false, mayBeDone })
