import type { Clock } from '../../clock.ts'
import { FLW_ERR_CLUSTER_BEHIND } from '../../errors.ts'
import { decodeCursor } from '../../log/cursor.ts'
import { committedEvent } from '../../log/entries.ts'
import type {
  AppendResult,
  EventDraft,
  EventLog,
  FleetEvent,
  LogRecord,
  ReadQuery,
  ReadResult,
  RecordPage,
  RecordQuery,
  Snapshot,
  SnapshotScope,
  Unfollow,
} from '../../log/event-log.ts'
import { appendOp } from '../../log/sqlite-drafts.ts'
import { unavailable } from '../../log/sqlite-group-commit.ts'

/** The leader's answer to drafts that another node sent. `elsewhere`: it does not lead; nothing was written. */
export type ForwardedAnswer =
  | { status: 'ok'; first: number; at: number }
  | { status: 'conflict'; current: LogRecord | null; head: number }
  | Extract<AppendResult, { status: 'unavailable' }>
  | { status: 'elsewhere' }

/** The log of a node that may lead. */
export type LeadingLog = EventLog & {
  readonly isLeading: boolean
  /** Whether it has everything that was accepted before the call; false if it cannot know. */
  hasAll(): Promise<boolean>
}

/** Appends drafts that another node sent. */
export async function appendForwarded(log: LeadingLog, drafts: readonly EventDraft[]): Promise<ForwardedAnswer> {
  if (!log.isLeading) return { status: 'elsewhere' }
  const result = await log.append(drafts)
  switch (result.status) {
    case 'ok': {
      const [event] = result.events
      return { status: 'ok', first: event?.seq ?? 0, at: event?.at ?? 0 }
    }
    case 'conflict': {
      const head = decodeCursor(log.head)?.seq ?? 0
      return { status: 'conflict', current: result.current ?? null, head }
    }
    case 'unavailable':
      return result
  }
}

export interface ForwardingLogOptions {
  /** The replica of this node. It appends while it leads. */
  replica: LeadingLog
  /** Asks the leader; undefined if none became known in time. Rejects if it did not answer. */
  ask(drafts: readonly EventDraft[], timeoutMs: number): Promise<ForwardedAnswer | undefined>
  /** Resolves with whether the replica has everything up to this `seq` in time, with its followers notified. */
  caughtUp(seq: number, timeoutMs: number): Promise<boolean>
  clock: Clock
}

/** The leader's timeout of an append, plus some time for the round trip. */
const TIMEOUT_MS = 16_000
/** How long a replica may take to receive what was written. */
const CATCH_UP_MS = 5000
const RETRY_MS = 50
/** How long `close` waits for the answers of other nodes. */
const CLOSE_MS = 2000
/** How long a read waits for what the reader has seen on another node. */
const AHEAD_MS = 1000

/**
 * The log as every node sees it: reads use its own replica, and appends go to the leader. A caller that appends and
 * then reads here finds what it wrote.
 */
export class ForwardingLog implements EventLog {
  readonly #options: ForwardingLogOptions
  readonly #underWay = new Set<Promise<AppendResult>>()
  #closing: Promise<void> | undefined

  constructor(options: ForwardingLogOptions) {
    this.#options = options
  }

  get epoch(): string {
    return this.#options.replica.epoch
  }

  get head(): string {
    return this.#options.replica.head
  }

  async append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    const { replica } = this.#options
    if (this.#closing !== undefined) return unavailable('the log is closed')
    if (replica.isLeading) return replica.append(drafts)
    const forwarded = this.#forward(drafts)
    this.#underWay.add(forwarded)
    try {
      return await forwarded
    } finally {
      this.#underWay.delete(forwarded)
    }
  }

  async #forward(drafts: readonly EventDraft[]): Promise<AppendResult> {
    const { replica, ask, clock } = this.#options
    // Invalid drafts fail here, as they would on the leader.
    const { drafts: stored } = appendOp(drafts, 0)
    const until = clock.monotonic() + TIMEOUT_MS
    for (let leftMs = TIMEOUT_MS; leftMs > 0 && this.#closing === undefined; leftMs = until - clock.monotonic()) {
      // This node may lead by now.
      if (replica.isLeading) return replica.append(drafts)
      let answer: ForwardedAnswer | undefined
      try {
        answer = await ask(drafts, leftMs)
      } catch (error) {
        return unavailable(`${(error as Error).message}; it may still be written`, true)
      }
      if (answer !== undefined && answer.status !== 'elsewhere') return this.#settled(answer, drafts, stored)
      await new Promise<void>(resolve => void clock.setTimeout(resolve, RETRY_MS))
    }
    return unavailable('no node is active; nothing was written')
  }

  async #settled(
    answer: Exclude<ForwardedAnswer, { status: 'elsewhere' }>,
    drafts: readonly EventDraft[],
    stored: readonly { json: string }[],
  ): Promise<AppendResult> {
    const { caughtUp } = this.#options
    switch (answer.status) {
      case 'unavailable':
        return answer
      case 'conflict': {
        // A caller that decides again must read the current state.
        await caughtUp(answer.head, CATCH_UP_MS)
        return { status: 'conflict', current: answer.current ?? undefined }
      }
      case 'ok': {
        const { first, at } = answer
        if (drafts.length > 0) await caughtUp(first + drafts.length - 1, CATCH_UP_MS)
        const events = drafts.map((draft, i) => committedEvent(this.epoch, first + i, at, draft, stored[i]!.json))
        return { status: 'ok', events }
      }
    }
  }

  /**
   * A cursor from another node may be ahead of this one: for a moment, or for as long as the servers of this node do
   * not reach the others. Rejects if it cannot be known whether the cursor belongs to this log at all.
   */
  async read(query: ReadQuery): Promise<ReadResult> {
    const { replica, caughtUp } = this.#options
    const result = await replica.read(query)
    if (result.status !== 'gone' || result.reason !== 'ahead') return result
    const { seq } = decodeCursor(query.after ?? query.before!)!
    if (!(await caughtUp(seq, AHEAD_MS)) && !(await replica.hasAll())) throw new FLW_ERR_CLUSTER_BEHIND()
    return replica.read(query)
  }

  get(topic: string): Promise<LogRecord | undefined> {
    return this.#options.replica.get(topic)
  }

  list(query: RecordQuery): Promise<RecordPage> {
    return this.#options.replica.list(query)
  }

  snapshot(patterns: readonly string[], scope?: SnapshotScope): Promise<Snapshot> {
    return this.#options.replica.snapshot(patterns, scope)
  }

  get settled(): EventLog['settled'] {
    return this.#options.replica.settled?.bind(this.#options.replica)
  }

  get catchUp(): EventLog['catchUp'] {
    return this.#options.replica.catchUp?.bind(this.#options.replica)
  }

  follow(onBatch: (events: readonly FleetEvent[]) => void): Unfollow {
    return this.#options.replica.follow(onBatch)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { replica, clock } = this.#options
    await new Promise<void>(resolve => {
      const timer = clock.setTimeout(resolve, CLOSE_MS)
      void Promise.allSettled(this.#underWay).then(() => {
        timer.cancel()
        resolve()
      })
    })
    await replica.close()
  }
}
