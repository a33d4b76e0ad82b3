import type { Clock } from '../../clock.ts'
import { FLW_ERR_LOG_FAILED } from '../../errors.ts'
import { Listeners } from '../../listeners.ts'
import { storedEvent } from '../../log/entries.ts'
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
import type { StartWorker, WorkerClient } from '../../log/sqlite-client.ts'
import { type Change, GroupCommit, unavailable } from '../../log/sqlite-group-commit.ts'
import { MAX_QUEUE_BYTES, RETENTION_INTERVAL_MS } from '../../log/sqlite-log.ts'
import type { AppendOp, ReplicaChange } from '../../log/sqlite-messages.ts'
import { unpackAppends } from '../../log/sqlite-packing.ts'
import { type Retention, RetentionSweeper } from '../../log/sqlite-retention.ts'
import { SqliteStore } from '../../log/sqlite-store.ts'
import { Checkpoints } from './checkpoints.ts'
import { type Commit, CommitFollower } from './commit-follower.ts'
import type { CommitStream } from './commit-stream.ts'
import { CommitWriter } from './commit-writer.ts'
import { decodeEntry } from './log-entry.ts'
import { openReplica, patiently } from './open-replica.ts'
import { ReplicaApplier } from './replica-applier.ts'
import { ReplicatedCommits } from './replicated-commits.ts'

/** A commit is one message if possible; a smaller one is also sooner on the disks of all servers. */
const MAX_BATCH_BYTES = 512 * 1024
/** How long a node that stops waits for the stream to store its resignation. */
const RESIGN_MS = 2000
const CHECKPOINT_EVERY = 50_000
const APPEND_TIMEOUT_MS = 15_000
/** The servers of a stream contact each other every second. */
const HEARD_MS = 3000
const REACH_AGAIN_MS = 250

/** The node that writes: its name, and where others reach it. */
export interface Leader {
  node: string
  address: string
  /** Grows with each change of leader. */
  term: number
}

export interface ReplicatedLogOptions {
  /** Closed by its owner, after the log. */
  stream: CommitStream
  /** The folder of the replica, for it alone: what cannot be used in it is removed. */
  dir: string
  clock: Clock
  retention: Retention
  /** This node, as others see it when it leads. */
  node: Omit<Leader, 'term'>
  retentionIntervalMs?: number
  /** A checkpoint is made after this many messages of the stream. Default 50,000. */
  checkpointEvery?: number
  /**
   * How long an append waits for the stream before it is `unavailable`. Default 15 s, longer than an election takes.
   */
  appendTimeoutMs?: number
  maxQueueBytes?: number
  onFault?: (error: Error) => void
  onNote?: (message: string) => void
  startWorker?: StartWorker
}

/**
 * The log of a cluster: a replica in SQLite, which a stream keeps equal on all nodes. Resolves when the replica has
 * what the stream held at the time of the call. It follows until `lead` is called.
 */
export async function openReplicatedLog(options: ReplicatedLogOptions): Promise<ReplicatedLog> {
  const { stream, dir, clock, onNote = () => {}, startWorker } = options
  const client = await openReplica({ stream, dir, clock, onNote, startWorker })
  const log = new ReplicatedLog(client, options)
  try {
    await patiently(clock, () => log.sync())
    return log
  } catch (error) {
    await log.close()
    throw error
  }
}

export class ReplicatedLog implements EventLog {
  readonly epoch: string
  readonly #options: ReplicatedLogOptions
  readonly #client: WorkerClient
  readonly #store: SqliteStore
  readonly #applier: ReplicaApplier
  readonly #follower: CommitFollower
  readonly #writer: CommitWriter
  readonly #commits: ReplicatedCommits
  readonly #group: GroupCommit
  readonly #checkpoints: Checkpoints
  #sweeper: RetentionSweeper | undefined
  /** The last seq delivered by the stream; it may still be on its way to the file. */
  #head: number
  /** The time of the last append, epoch ms. */
  #at: number
  #leader: Leader | undefined
  #term: number
  /** Settles when a resignation in progress is done. */
  #resigned: Promise<void> = Promise.resolve()
  readonly #onLeader = new Listeners<[]>()
  readonly #onWritten = new Listeners<[ms: number]>()
  #failed: string | undefined
  #closing: Promise<void> | undefined

  /** Use openReplicatedLog. */
  constructor(client: WorkerClient, options: ReplicatedLogOptions) {
    const { stream, clock, onFault = () => {} } = options
    const replica = client.replica!
    this.epoch = client.epoch
    this.#options = options
    this.#client = client
    this.#head = client.head
    this.#at = replica.at
    this.#term = replica.term
    this.#leader = leaderOf(replica.leader, replica.term)
    this.#store = new SqliteStore(client, onFault, () => this.#halt())
    this.#applier = new ReplicaApplier(client, reason => this.#fail(reason))
    this.#follower = new CommitFollower({
      stream,
      clock,
      from: replica.position,
      onPart: part => this.#writer.saw(part),
      onCommit: commit => this.#committed(commit),
      onLost: first => this.#fail(`the stream begins at ${first}, after the end of this replica`),
      busy: () => this.#applier.busy(),
    })
    this.#writer = new CommitWriter({ stream, follower: this.#follower, clock, onDeposed: () => this.#deposed() })
    this.#commits = new ReplicatedCommits({
      ...{ clock, client, applier: this.#applier, writer: this.#writer },
      head: () => this.#head,
      timeoutMs: options.appendTimeoutMs ?? APPEND_TIMEOUT_MS,
      onWritten: ms => this.#onWritten.tell(ms),
    })
    this.#group = new GroupCommit({
      epoch: client.epoch,
      commit: (ops, onDone) => void this.#commits.append(ops, onDone),
      maxBatchBytes: MAX_BATCH_BYTES,
      maxQueueBytes: options.maxQueueBytes ?? MAX_QUEUE_BYTES,
      onCommitted: (changes, head) => this.#store.committed(changes, head),
    })
    this.#checkpoints = new Checkpoints({
      ...{ stream, clock, dir: options.dir, onNote: options.onNote ?? (() => {}) },
      position: () => this.position,
      every: options.checkpointEvery ?? CHECKPOINT_EVERY,
    })
    this.#follower.start()
  }

  get head(): string {
    return this.#store.head
  }

  /** How far the replica has followed the stream. */
  get position(): number {
    return this.#follower.at
  }

  /** The current leader, as far as this replica knows. */
  get leader(): Leader | undefined {
    return this.#leader
  }

  /** Why it has failed; undefined while it works. */
  get failed(): string | undefined {
    return this.#failed
  }

  /** How often the leader has changed. */
  get term(): number {
    return this.#term
  }

  get isLeading(): boolean {
    return this.#writer.isLeading
  }

  /** Events in the log and bytes of their payloads, as of the last sweep of this node. */
  get usage(): { events: number; bytes: number; limitBytes: number } {
    return this.#sweeper?.usage ?? { events: 0, bytes: 0, limitBytes: this.#options.retention.bytes ?? 0 }
  }

  /**
   * Takes over from the current leader: from then on only this node appends. Resolves with false if another node took
   * over first; nothing of this node counts then. Waits while the stream has no leader, unless `isWanted` returns
   * false.
   */
  async lead(isWanted = () => true): Promise<boolean> {
    // A lead that is being resigned does not count.
    await this.#resigned
    if (this.isLeading) return true
    const { node } = this.#options
    const written = await this.#commits.lead(
      () => ({
        kind: 'lead',
        term: this.#term + 1,
        leader: JSON.stringify(node),
      }),
      isWanted,
    )
    if (!written || !this.isLeading) return false
    await this.#applier.idle()
    this.#sweep()
    return this.isLeading
  }

  /**
   * Stops leading. With `tells`, what was accepted is settled first. Then the resignation is recorded in the stream, so
   * that the others need not wait for a silence; if the stream is not reached within 2 s, they must. Without it, stops
   * at once: what was accepted and not sent is not written.
   */
  resign(tells = true): Promise<void> {
    this.#stopLeading()
    if (tells) this.#resigned = this.#resign()
    else this.#writer.resign()
    return this.#resigned
  }

  async #resign(): Promise<void> {
    await this.#group.idle()
    if (this.isLeading) {
      await this.#commits.resign(() => ({ kind: 'lead', term: this.#term + 1, leader: 'null' }), RESIGN_MS)
    }
    this.#writer.resign()
  }

  /** Calls back when another node leads, or none, or when this one stops leading. */
  onLeader(listener: () => void): () => void {
    return this.#onLeader.add(listener)
  }

  /** Calls back when the stream has accepted a commit of this node, with the time that took. */
  onWritten(listener: (ms: number) => void): () => void {
    return this.#onWritten.add(listener)
  }

  /** Resolves when the replica has everything that the stream held at the time of the call. */
  async sync(): Promise<void> {
    await this.#follower.sync()
    await this.#applier.idle()
    if (this.#failed !== undefined) throw new FLW_ERR_LOG_FAILED(this.#failed)
  }

  /** How long ago a majority of the stream's servers was last in contact, ms. */
  async reach(): Promise<number> {
    return (await this.#options.stream.reach()).agoMs
  }

  /**
   * Whether the replica has everything that was accepted before the call; false if that cannot be known in time. A
   * server that has heard the others since the call still leads the stream, so it has everything accepted before.
   */
  readonly hasAll = together(() => this.#hasAll())

  async #hasAll(): Promise<boolean> {
    const { stream, clock } = this.#options
    const from = clock.monotonic()
    try {
      for (let askedAt = from; askedAt - from < HEARD_MS; askedAt = clock.monotonic()) {
        const { agoMs, last } = await stream.reach()
        if (askedAt - agoMs >= from) {
          await this.catchUp()
          return this.position >= last
        }
        await new Promise<void>(resolve => void clock.setTimeout(resolve, REACH_AGAIN_MS))
      }
    } catch {
      // No authoritative server answers.
    }
    return false
  }

  async append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    const ended = this.#ended()
    if (ended !== undefined) return unavailable(ended)
    if (!this.isLeading) return unavailable('this node does not lead')
    if (drafts.length === 0) return { status: 'ok', events: [] }
    return this.#group.append(drafts, this.#now())
  }

  read(query: ReadQuery): Promise<ReadResult> {
    return this.#store.read(query)
  }

  get(topic: string): Promise<LogRecord | undefined> {
    return this.#store.get(topic)
  }

  list(query: RecordQuery): Promise<RecordPage> {
    return this.#store.list(query)
  }

  snapshot(patterns: readonly string[], scope?: SnapshotScope): Promise<Snapshot> {
    return this.#store.snapshot(patterns, scope)
  }

  follow(onBatch: (events: readonly FleetEvent[]) => void): Unfollow {
    return this.#store.follow(onBatch)
  }

  async settled(): Promise<void> {
    await this.#commits.settled()
    await this.#applier.idle()
  }

  /** Asks the stream, so that a node that was replaced without knowing it learns of it. */
  readonly catchUp = together(() => this.sync())

  /** Runs retention now, on the node that leads; this also happens periodically. */
  async retain(): Promise<void> {
    await this.#sweeper?.run()
  }

  /** Makes a checkpoint now, on the node that leads; this also happens periodically. False if none was made. */
  async checkpoint(): Promise<boolean> {
    return this.isLeading && this.#checkpoints.make()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#store.end()
    this.#stopLeading()
    await this.#group.idle()
    await this.#checkpoints.idle()
    this.#writer.stop()
    this.#follower.stop()
    await this.#applier.idle()
    await this.#client.close()
  }

  /** The time to store. It never runs backwards, even if a node takes over whose clock is behind. */
  #now(): number {
    this.#at = Math.max(this.#at, this.#options.clock.now())
    return this.#at
  }

  /** A commit from the stream: one of this node, whose callers wait, or one of another node. */
  #committed({ id, position, data }: Commit): void {
    if (this.#failed !== undefined) return
    const own = this.#commits.underWay(id)
    let change: ReplicaChange
    try {
      change = own?.change ?? decodeEntry(data)
    } catch (error) {
      this.#fail(`the commit at ${position} cannot be read: ${(error as Error).message}`)
      return
    }
    const told = this.#take(change, own?.ops)
    this.#applier.push({ position, change }, data.length, result => {
      if (own === undefined || !own.onApplied(result)) this.#tell(told)
    })
  }

  /** Records what a commit changes, and prepares the events for followers in case nobody here waits for it. */
  #take(change: ReplicaChange, own: AppendOp[] | undefined): { changes: () => Change[]; head: number } | undefined {
    if (change.kind === 'lead') {
      this.#term = change.term
      this.#leader = leaderOf(change.leader, change.term)
      this.#onLeader.tell()
    }
    if (change.kind !== 'appends') return undefined
    const { first, packed } = change
    const ops = own ?? unpackAppends(packed)
    let seq = first
    for (const { at, drafts } of ops) {
      this.#at = Math.max(this.#at, at)
      this.#head = seq + drafts.length - 1
      seq += drafts.length
    }
    const changes = () => {
      let seq = first
      return ops.flatMap(({ at, drafts }) =>
        drafts.map(({ record, ...draft }): Change => {
          const event = storedEvent(this.epoch, { ...draft, at, seq: seq++ })
          return { event, record: record === undefined ? undefined : record === null ? 'delete' : 'set' }
        }),
      )
    }
    return { changes, head: this.#head }
  }

  #tell(told: { changes: () => Change[]; head: number } | undefined): void {
    if (told !== undefined) this.#store.committed(told.changes(), told.head)
  }

  #sweep(): void {
    const { clock, retention, retentionIntervalMs: intervalMs = RETENTION_INTERVAL_MS } = this.#options
    const { onFault = () => {}, onNote = () => {} } = this.#options
    this.#sweeper?.stop()
    const client = {
      believedAt: this.#applier.believedAt,
      call: this.#commits.retain.bind(this.#commits),
    }
    this.#sweeper = new RetentionSweeper({ client, clock, retention, intervalMs, onFault, onNote })
    this.#sweeper.start()
    this.#checkpoints.start()
  }

  #deposed(): void {
    this.#stopLeading()
    this.#onLeader.tell()
  }

  #stopLeading(): void {
    this.#sweeper?.stop()
    this.#checkpoints.stop()
  }

  #ended(): string | undefined {
    return this.#failed === undefined ? this.#store.ended : `the log has failed: ${this.#failed}`
  }

  /** The replica has failed; what it has can still be read. */
  #fail(reason: string): void {
    if (this.#failed !== undefined) return
    this.#failed = reason
    const isClosing = this.#store.ended !== undefined
    this.#halt()
    if (!isClosing) this.#options.onFault?.(new FLW_ERR_LOG_FAILED(reason))
  }

  #halt(): void {
    this.#commits.fail(this.#ended() ?? '')
    this.#stopLeading()
    this.#writer.stop()
    this.#follower.stop()
    this.#onLeader.tell()
  }
}

/** Calls made during a run share the next run: the present one may have looked before they were made. */
function together<T>(run: () => Promise<T>): () => Promise<T> {
  let present: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | undefined
  return () => {
    next ??= present.then(() => {
      next = undefined
      const begun = run()
      present = begun.catch(() => {})
      return begun
    })
    return next
  }
}

function leaderOf(json: string, term: number): Leader | undefined {
  const node = JSON.parse(json) as Omit<Leader, 'term'> | null
  return node === null ? undefined : { ...node, term }
}
