import { EventEmitter } from 'node:events'
import type { LogWorker, StartWorker } from '../../src/log/sqlite-client.ts'
import { CallGate } from '../../src/log/sqlite-gate.ts'
import type { CallName, Calls, ReplicaChange, ReplicaState, Reply, Request } from '../../src/log/sqlite-messages.ts'
import { unpackAppends } from '../../src/log/sqlite-packing.ts'
import { MemoryStore } from './memory-store.ts'

/** The file of a replica, which outlives the process that opened it. */
export class MemoryReplica {
  readonly store: MemoryStore
  state: ReplicaState = { position: 0, term: 0, leader: 'null', at: 0 }
  believedAt: number | null = null

  constructor(epoch: string) {
    this.store = new MemoryStore(epoch)
  }
}

/**
 * Replaces the worker that owns the file of a replica, for simulations of thousands of nodes. It handles the same calls
 * in memory. With it, a real ReplicatedLog passes the contract of the log.
 */
export class MemoryLogWorker extends EventEmitter {
  readonly #replica: MemoryReplica
  readonly #answer: (reply: () => void) => void

  /** `answer` delivers replies to the calling process, in order. */
  constructor(replica: MemoryReplica, answer: (reply: () => void) => void) {
    super()
    this.#replica = replica
    this.#answer = answer
    const { store, believedAt, state } = replica
    const { epoch, head } = store
    this.#send({ status: 'opened', epoch, head, believedAt, replica: { ...state } })
  }

  static start(replica: MemoryReplica, answer: (reply: () => void) => void): StartWorker {
    return ({ shared }) => {
      new CallGate(shared).leave()
      return new MemoryLogWorker(replica, answer) as unknown as LogWorker
    }
  }

  postMessage({ call, args }: Request): void {
    if (call === 'close') {
      this.#answer(() => this.emit('exit', 0))
      return
    }
    if (call === 'commit') throw new Error('a replica commits nothing by itself')
    let reply: Reply
    try {
      const handle = this.#handlers[call] as (args: unknown) => Calls[CallName]['result']
      reply = { status: 'ok', value: handle(args) }
    } catch (error) {
      reply = { status: 'error', message: (error as Error).message, fatal: false }
    }
    this.#send(reply)
  }

  #send(reply: Reply): void {
    this.#answer(() => this.emit('message', reply))
  }

  readonly #handlers: { [K in Exclude<CallName, 'commit' | 'close'>]: (args: Calls[K]['args']) => Calls[K]['result'] } =
    {
      read: step => this.#replica.store.step(step),
      get: topic => this.#replica.store.get(topic),
      list: query => this.#replica.store.list(query),
      scan: step => ({ records: this.#replica.store.scan(step), next: null }),
      current: topics => topics.map(topic => this.#replica.store.get(topic)),
      retain: step => {
        const { store } = this.#replica
        const { floor } = store
        store.retain(step)
        if (store.floor !== floor) this.#replica.believedAt = step.now
        return { more: false, events: store.events.length, bytes: store.bytes }
      },
      due: ({ count, before, now }) => {
        const { events, records, bytes } = this.#replica.store
        const isOld = events.length > count || (events[0]?.at ?? before) < before
        const due = isOld || [...records.values()].some(({ expiresAt }) => expiresAt !== null && expiresAt <= now)
        return { due, events: events.length, bytes }
      },
      apply: commits => {
        const results = commits.map(({ position, change }) => {
          const result = this.#change(change)
          this.#replica.state = { ...this.#replica.state, position }
          return result
        })
        return { results, believedAt: this.#replica.believedAt }
      },
    }

  #change(change: ReplicaChange): Calls['retain']['result'] | null {
    const { store, state } = this.#replica
    switch (change.kind) {
      case 'retain':
        return this.#handlers.retain(change.step)
      case 'lead':
        this.#replica.state = { ...state, term: change.term, leader: change.leader }
        return null
      case 'appends':
        if (change.first !== store.head + 1)
          throw new Error(`it begins at ${change.first}, and this is at ${store.head}`)
        for (const op of unpackAppends(change.packed)) {
          store.append(op)
          this.#replica.state = { ...this.#replica.state, at: Math.max(this.#replica.state.at, op.at) }
        }
        return null
      default:
        return change satisfies never
    }
  }
}
