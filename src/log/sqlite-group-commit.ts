import { committedEvent, storedRecord } from './entries.ts'
import type { AppendResult, EventDraft, FleetEvent } from './event-log.ts'
import type { Failure } from './sqlite-client.ts'
import { appendOp } from './sqlite-drafts.ts'
import type { AppendOp, Committed } from './sqlite-messages.ts'

const MAX_BATCH_DRAFTS = 500
const MAX_BATCH_BYTES = 4 * 1024 * 1024
/** Approximate size of an operation besides its payloads, so that many small ones count as well. */
const OP_BYTES = 512
export const RETRY_AFTER_MS = 1000

interface Pending {
  op: AppendOp
  drafts: readonly EventDraft[]
  bytes: number
  settle: (result: AppendResult) => void
}

/** One committed draft. `record` is as in the draft. */
export interface Change {
  event: FleetEvent
  record: EventDraft['record']
}

export interface GroupCommitOptions {
  /** The epoch of the resulting events. */
  epoch: string
  /** Commits operations in order, all or none, and reports the result of each. Not called again before `onDone`. */
  commit: (ops: AppendOp[], onDone: (outcome: { status: 'ok'; value: Committed } | Failure) => void) => void
  /** Maximum bytes committed together. Default 4 MiB. */
  maxBatchBytes?: number
  /**
   * How many bytes may wait for the disk. Beyond this an append is `unavailable`, so that a stalled disk does not
   * exhaust memory.
   */
  maxQueueBytes: number
  /** Called for each transaction once it is on disk, before its appends are settled. */
  onCommitted: (changes: Change[], head: number) => void
}

/**
 * Groups appends that wait for the disk into one transaction, sent to the worker in one message. One batch is in flight
 * at a time. The next leaves when the worker is idle, at the end of the event loop turn: by then every readable socket
 * has been read, and input from twenty sockets costs one message, one commit and one reply. No timer is needed: beyond
 * the turn, the next batch gathers while the disk is busy with the previous one.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  #queue: Pending[] = []
  #queuedBytes = 0
  #state: 'idle' | 'scheduled' | 'in flight' = 'idle'
  readonly #onIdle: (() => void)[] = []

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** Rejects with TypeError for drafts that break the interface. */
  append(drafts: readonly EventDraft[], at: number): Promise<AppendResult> {
    return new Promise(settle => {
      const op = appendOp(drafts, at)
      const bytes = op.drafts.reduce((sum, draft) => sum + draft.json.length, OP_BYTES)
      if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#options.maxQueueBytes) {
        settle(unavailable('too many appends are waiting for the disk'))
        return
      }
      this.#queue.push({ op, drafts, bytes, settle })
      this.#queuedBytes += bytes
      this.#schedule()
    })
  }

  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void> {
    if (this.#state === 'idle') return Promise.resolve()
    return new Promise(resolve => this.#onIdle.push(resolve))
  }

  #schedule(): void {
    if (this.#state !== 'idle') return
    this.#state = 'scheduled'
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    const batch = this.#take()
    this.#state = 'in flight'
    const ops = batch.map(pending => pending.op)
    this.#options.commit(ops, outcome => {
      if (outcome.status === 'ok') this.#settle(batch, outcome.value)
      else this.#refuse(batch, outcome)
      this.#state = 'idle'
      if (this.#queue.length > 0) this.#schedule()
      else for (const resolve of this.#onIdle.splice(0)) resolve()
    })
  }

  /** After a timeout, refuses queued appends as well: none was sent, and each would wait just as long again. */
  #refuse(batch: Pending[], { message, mayBeDone, timedOut = false }: Failure): void {
    for (const { settle } of batch) settle(unavailable(message, mayBeDone))
    if (!timedOut) return
    for (const { settle } of this.#queue.splice(0))
      settle(unavailable('an earlier commit took too long; nothing was written'))
    this.#queuedBytes = 0
  }

  #take(): Pending[] {
    const { maxBatchBytes = MAX_BATCH_BYTES } = this.#options
    let drafts = 0
    let bytes = 0
    const end = this.#queue.findIndex((pending, i) => {
      drafts += pending.drafts.length
      bytes += pending.bytes
      return i > 0 && (drafts > MAX_BATCH_DRAFTS || bytes > maxBatchBytes)
    })
    const batch = this.#queue.splice(0, end === -1 ? this.#queue.length : end)
    for (const pending of batch) this.#queuedBytes -= pending.bytes
    return batch
  }

  #settle(batch: Pending[], { results, head }: Committed): void {
    const { epoch, onCommitted } = this.#options
    const changes: Change[] = []
    const answers = batch.map(({ op, drafts }, i): AppendResult => {
      const result = results[i]!
      if (typeof result !== 'number') {
        return { status: 'conflict', current: result.current && storedRecord(result.current) }
      }
      const events = drafts.map((draft, n) => committedEvent(epoch, result + n, op.at, draft, op.drafts[n]!.json))
      events.forEach((event, n) => void changes.push({ event, record: drafts[n]!.record }))
      return { status: 'ok', events }
    })
    if (changes.length > 0) onCommitted(changes, head)
    batch.forEach(({ settle }, i) => void settle(answers[i]!))
  }
}

export function unavailable(reason: string, mayBeWritten = false): AppendResult {
  return { status: 'unavailable', retryAfterMs: RETRY_AFTER_MS, reason, ...(mayBeWritten && { mayBeWritten }) }
}
