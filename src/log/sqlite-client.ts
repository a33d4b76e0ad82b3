import type { Worker } from 'node:worker_threads'
import { FLW_ERR_LOG_CORRUPT, FLW_ERR_LOG_LOCKED, FLW_ERR_LOG_NEWER, FLW_ERR_LOG_OPEN } from '../errors.ts'
import { CallGate } from './sqlite-gate.ts'
import type { CallName, Calls, OpenOptions, Refusal, ReplicaState, Reply, WorkerOptions } from './sqlite-messages.ts'

const REFUSALS: { [C in Refusal['code']]: new (...args: string[]) => Error } = {
  FLW_ERR_LOG_LOCKED,
  FLW_ERR_LOG_CORRUPT,
  FLW_ERR_LOG_NEWER,
  FLW_ERR_LOG_OPEN,
}

/** `fatal`: the log is lost. Otherwise nothing was changed, and the same call may succeed later. */
export interface Failure {
  status: 'error'
  message: string
  fatal: boolean
  /** The call may still take effect. */
  mayBeDone?: boolean
  /** The call used up the whole timeout: the calls queued behind it are refused with it. */
  timedOut?: boolean
}

export type Outcome<K extends CallName> = { status: 'ok'; value: Calls[K]['result'] } | Failure

type OnReply = (outcome: Outcome<CallName>) => void

/** The part of a worker that the client uses. */
export type LogWorker = Pick<Worker, 'postMessage' | 'on'>

export type StartWorker = (options: WorkerOptions) => LogWorker

type State =
  | { name: 'opening'; settle: (error: Error | undefined) => void }
  | { name: 'up' }
  | { name: 'closing' }
  /** The worker is ending or has ended; it gets no more calls. */
  | { name: 'down'; reason: string }

/** Sends calls to the worker and receives its replies, which come in the order of the calls. */
export class WorkerClient {
  readonly #worker: LogWorker
  readonly #exited: Promise<void>
  readonly #waiting: OnReply[] = []
  #state: State = { name: 'opening', settle: () => {} }
  #onDown: (reason: string) => void = () => {}
  #epoch = ''
  #head = 0
  #believedAt: number | undefined
  #replica: ReplicaState | undefined

  private constructor(start: StartWorker, options: OpenOptions) {
    const gate = new CallGate()
    gate.guard()
    const worker = start({ ...options, shared: gate.shared })
    this.#worker = worker
    this.#exited = new Promise(resolve => {
      worker.on('exit', code => {
        gate.unguard()
        this.#fail(`its worker ended with code ${code}`)
        resolve()
      })
    })
    worker.on('message', (reply: Reply) => this.#receive(reply))
    worker.on('error', error => this.#fail(`its worker failed: ${error.message}`))
    worker.on('messageerror', error => this.#fail(`its worker sent an unreadable message: ${error.message}`))
  }

  /** Resolves once the worker has opened the log. Rejects if the worker refused or died; the worker is then gone. */
  static async open(start: StartWorker, options: OpenOptions): Promise<WorkerClient> {
    const client = new WorkerClient(start, options)
    const error = await new Promise<Error | undefined>(settle => {
      client.#state = { name: 'opening', settle }
    })
    if (error === undefined) return client
    await client.#exited
    throw error
  }

  get epoch(): string {
    return this.#epoch
  }

  /** The head of the log when it was opened. */
  get head(): number {
    return this.#head
  }

  /** The last time used by retention, epoch ms; undefined for a new log. */
  get believedAt(): number | undefined {
    return this.#believedAt
  }

  /** The state of a replica when it was opened. */
  get replica(): ReplicaState | undefined {
    return this.#replica
  }

  /** Calls back once when the worker is lost: by an error that makes the file unreliable, or by its death. */
  onDown(listener: (reason: string) => void): void {
    this.#onDown = listener
  }

  /** `onReply` is called in the turn of the reply, before any later reply is handled. */
  call<K extends CallName>(call: K, args: Calls[K]['args'], onReply: (outcome: Outcome<K>) => void): void {
    if (this.#state.name !== 'up') {
      const message = this.#state.name === 'down' ? this.#state.reason : 'it is closed'
      onReply({ status: 'error', message, fatal: true })
      return
    }
    this.#waiting.push(onReply as OnReply)
    this.#worker.postMessage({ call, args })
  }

  /** Resolves when the file is closed and the thread has ended. */
  async close(): Promise<void> {
    if (this.#state.name === 'up') {
      this.call('close', null, () => {})
      this.#state = { name: 'closing' }
    }
    await this.#exited
  }

  #receive(reply: Reply): void {
    switch (reply.status) {
      case 'opened':
        this.#epoch = reply.epoch
        this.#head = reply.head
        this.#believedAt = reply.believedAt ?? undefined
        this.#replica = reply.replica ?? undefined
        this.#opened(undefined)
        return
      case 'refused': {
        const { code, args } = reply.refusal
        this.#opened(new REFUSALS[code](...args))
        return
      }
      case 'ok':
      case 'error':
        this.#waiting.shift()?.(reply as Outcome<CallName>)
        if (reply.status === 'error' && reply.fatal) this.#fail(reply.message)
    }
  }

  #opened(error: Error | undefined): void {
    if (this.#state.name !== 'opening') return
    const { settle } = this.#state
    this.#state = error === undefined ? { name: 'up' } : { name: 'down', reason: error.message }
    settle(error)
  }

  #fail(reason: string): void {
    const { name } = this.#state
    if (name === 'down') return
    if (name === 'opening') {
      this.#opened(new FLW_ERR_LOG_OPEN('', reason))
      return
    }
    this.#state = { name: 'down', reason }
    for (const onReply of this.#waiting.splice(0)) onReply({ status: 'error', message: reason, fatal: true })
    // The worker is told to end instead of being terminated: the driver from the package aborts the process if it is
    // interrupted in a call.
    this.#worker.postMessage({ call: 'close', args: null })
    if (name === 'up') this.#onDown(reason)
  }
}
