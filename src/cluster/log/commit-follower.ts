import type { Clock, Timer } from '../../clock.ts'
import type { CommitStream, StoredPart } from './commit-stream.ts'

/** How often a quiet stream is asked for its last position: live delivery may skip messages. */
const CHECK_MS = 1000
const RETRY_MS = 250
/** How many messages beyond a gap are kept until the gap is closed; the others are read again. */
const MAX_AHEAD = 1000

/** A whole commit. `position` is that of its last message. */
export interface Commit {
  id: string
  position: number
  data: Uint8Array
}

export interface CommitFollowerOptions {
  stream: CommitStream
  clock: Clock
  /** The position of the last message that is known. */
  from: number
  /** Called for each message, in order, once. */
  onPart: (part: StoredPart) => void
  /** Called for each whole commit, in order, once. Commits that a writer left unfinished are skipped. */
  onCommit: (commit: Commit) => void
  /** Called once if messages were removed before they were read: following cannot continue. */
  onLost: (first: number) => void
  /** While it returns a promise, nothing more is read from the stream: what was read must be stored first. */
  busy?: () => Promise<void> | undefined
}

/**
 * Follows a stream from a position on. Messages arrive live. Missing ones are read from the stream when a later message
 * shows the gap, or when a quiet stream turns out to be longer than what arrived.
 */
export class CommitFollower {
  readonly #options: CommitFollowerOptions
  #at: number
  /** Live messages beyond a gap, by position. */
  readonly #ahead = new Map<number, StoredPart>()
  /** The parts received so far of a commit of several parts. */
  #parts: StoredPart[] = []
  #state: 'new' | 'following' | 'lost' | 'stopped' = 'new'
  #unlisten = () => {}
  #timer: Timer | undefined
  #checkedAt = -1
  #repairing = false

  constructor(options: CommitFollowerOptions) {
    this.#options = options
    this.#at = options.from
  }

  /** The position up to which every message was handed over. */
  get at(): number {
    return this.#at
  }

  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'following'
    const { stream, clock } = this.#options
    this.#unlisten = stream.listen(part => this.take(part))
    this.#timer = clock.setInterval(() => this.#check(), CHECK_MS)
  }

  stop(): void {
    this.#end('stopped')
  }

  /** Takes a message, wherever it came from. */
  take(part: StoredPart): void {
    if (this.#state !== 'following' || part.position <= this.#at) return
    if (part.position > this.#at + 1) {
      if (this.#ahead.size < MAX_AHEAD) this.#ahead.set(part.position, part)
      void this.#repair()
      return
    }
    this.#consume(part)
    while (this.#state === 'following') {
      const next = this.#ahead.get(this.#at + 1)
      if (next === undefined) break
      this.#consume(next)
    }
    for (const position of this.#ahead.keys()) if (position <= this.#at) this.#ahead.delete(position)
  }

  /** Resolves once everything that the stream held at the time of the call was handed over; with its last position. */
  async sync(): Promise<number> {
    const { stream, busy } = this.#options
    const { first, last } = await stream.bounds()
    while (this.#at < last) {
      if (this.#state !== 'following') throw new Error('the stream is no longer followed')
      if (first !== undefined && first > this.#at + 1) {
        this.#end('lost')
        this.#options.onLost(first)
        throw new Error(`the stream begins at ${first}, beyond ${this.#at}`)
      }
      const before = this.#at
      for (const part of await stream.read(before, last)) this.take(part)
      if (this.#at === before) throw new Error(`nothing can be read after ${before}`)
      await busy?.()
    }
    return last
  }

  #consume(part: StoredPart): void {
    this.#ahead.delete(part.position)
    this.#at = part.position
    this.#options.onPart(part)
    // A message of another commit means that the previous writer was deposed before its last part.
    if (part.part === 0) this.#parts = [part]
    else if (this.#parts[0]?.commitId === part.commitId && this.#parts.length === part.part) this.#parts.push(part)
    else this.#parts = []
    if (this.#parts.length === 0 || this.#parts.length < part.parts) return
    const data = part.parts === 1 ? part.data : Buffer.concat(this.#parts.map(({ data }) => data))
    this.#parts = []
    this.#options.onCommit({ id: part.commitId, position: part.position, data })
  }

  async #repair(): Promise<void> {
    if (this.#repairing) return
    this.#repairing = true
    while (this.#ahead.size > 0 && this.#state === 'following') await this.sync().catch(() => this.#pause())
    this.#repairing = false
  }

  /** Asks only if nothing arrived since the last check. */
  #check(): void {
    const isQuiet = this.#checkedAt === this.#at
    this.#checkedAt = this.#at
    // Nobody waits for this: it is retried a second later.
    if (isQuiet && !this.#repairing) void this.sync().catch(() => {})
  }

  #pause(): Promise<void> {
    return new Promise(resolve => void this.#options.clock.setTimeout(resolve, RETRY_MS))
  }

  #end(state: 'lost' | 'stopped'): void {
    if (this.#state === 'lost' || this.#state === 'stopped') return
    this.#state = state
    this.#unlisten()
    this.#timer?.cancel()
    this.#ahead.clear()
  }
}
