import type { Clock } from '../../clock.ts'
import type { CommitFollower } from './commit-follower.ts'
import type { CommitStream, Part, StoredPart } from './commit-stream.ts'

const FIRST_RETRY_MS = 20
const MAX_RETRY_MS = 500

export type Written =
  | { status: 'written'; position: number }
  /** Another node wrote after the same message: nothing of this commit counts, nor of any later one. */
  | { status: 'deposed' }
  /** Given up, because this writer was stopped or the claim is no longer wanted: it may be stored, now or later. */
  | { status: 'unknown' }

type Outcome = Written['status']

interface Awaited {
  part: Part
  expected: number
  settle: (outcome: Outcome) => void
}

export interface CommitWriterOptions {
  stream: CommitStream
  follower: CommitFollower
  clock: Clock
  /** Called once when a message of another writer shows that this one was deposed. */
  onDeposed: () => void
}

/**
 * Writes commits, one at a time, each directly after the last. The outcome of an attempt is never guessed. A missing
 * answer is settled by what the stream holds at the position of the message, as the follower shows; so is a refusal,
 * which an earlier attempt of the same message also causes. As long as nothing is there, the message is sent again:
 * only one of all attempts can be accepted, since all of them name the same position.
 */
export class CommitWriter {
  readonly #options: CommitWriterOptions
  #state: 'following' | 'claiming' | 'leading' | 'stopped' = 'following'
  /** The position of the last message, after which this writer writes the next. */
  #at = 0
  #awaited: Awaited | undefined

  constructor(options: CommitWriterOptions) {
    this.#options = options
  }

  get isLeading(): boolean {
    return this.#state === 'leading'
  }

  /**
   * Becomes the writer by a first commit after everything that the stream holds now. `data` is called once all of that
   * was handed over. The claim is given up if `isWanted` returns false; it is called before each attempt.
   */
  async claim(id: string, data: () => Uint8Array, isWanted = () => true): Promise<Written> {
    if (this.#state === 'stopped') return { status: 'unknown' }
    if (this.#state !== 'following') throw new Error(`it is already ${this.#state}`)
    this.#state = 'claiming'
    await this.#synced(isWanted)
    this.#at = this.#options.follower.at
    const written: Written = isWanted() ? await this.#write(id, data(), isWanted) : { status: 'unknown' }
    if (this.#state === 'claiming') this.#state = written.status === 'written' ? 'leading' : 'following'
    return written
  }

  /** Must not be called before the previous commit is settled. */
  async commit(id: string, data: Uint8Array): Promise<Written> {
    if (this.#state === 'stopped') return { status: 'unknown' }
    if (this.#state !== 'leading') return { status: 'deposed' }
    return this.#write(id, data)
  }

  /** Must be called with each message that the follower hands over, before anything that results from it. */
  saw(part: StoredPart): void {
    const awaited = this.#awaited
    if (awaited !== undefined && part.position === awaited.expected + 1 && isSame(part, awaited.part)) {
      this.#awaited = undefined
      this.#at = part.position
      awaited.settle('written')
      return
    }
    if (this.#state !== 'leading' && awaited === undefined) return
    this.#awaited = undefined
    awaited?.settle('deposed')
    if (this.#state !== 'leading') return
    this.#state = 'following'
    this.#options.onDeposed()
  }

  /** Stops leading. A commit in progress still runs to its end. */
  resign(): void {
    if (this.#state === 'leading') this.#state = 'following'
  }

  /** Gives up what is in progress. */
  stop(): void {
    this.#state = 'stopped'
    this.#giveUp()
  }

  #giveUp(): void {
    const awaited = this.#awaited
    this.#awaited = undefined
    awaited?.settle('unknown')
  }

  async #write(commitId: string, data: Uint8Array, isWanted?: () => boolean): Promise<Written> {
    const { maxPartBytes } = this.#options.stream
    const parts = Math.max(1, Math.ceil(data.length / maxPartBytes))
    for (let part = 0; part < parts; part++) {
      const piece = parts === 1 ? data : data.subarray(part * maxPartBytes, (part + 1) * maxPartBytes)
      const status = await this.#put({ commitId, part, parts, data: piece }, isWanted)
      if (status !== 'written') return { status }
    }
    return { status: 'written', position: this.#at }
  }

  async #put(part: Part, isWanted = () => true): Promise<Outcome> {
    const { stream, follower } = this.#options
    const expected = this.#at
    let outcome: Outcome | undefined
    const settled = new Promise<Outcome>(resolve => {
      const settle = (found: Outcome) => {
        outcome = found
        resolve(found)
      }
      this.#awaited = { part, expected, settle }
    })
    if (this.#state === 'stopped') this.stop()
    // Another node wrote there before this part was sent.
    if (follower.at > expected) this.saw({ ...NOBODY, position: follower.at })
    for (let retryMs = FIRST_RETRY_MS; outcome === undefined; retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)) {
      const answered = stream.append(part, expected).then(answer => {
        if (answer.status === 'accepted') follower.take({ ...part, position: answer.position })
      })
      await Promise.race([answered, settled])
      if (outcome !== undefined) break
      // If the stream cannot be asked, nothing is learned. Sending again is safe in any case.
      await Promise.race([follower.sync().catch(() => {}), settled])
      if (outcome === undefined) await Promise.race([this.#pause(retryMs), settled])
      if (outcome === undefined && !isWanted()) this.#giveUp()
    }
    return settled
  }

  async #synced(isWanted: () => boolean): Promise<void> {
    for (
      let retryMs = FIRST_RETRY_MS;
      this.#state === 'claiming' && isWanted();
      retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)
    ) {
      try {
        await this.#options.follower.sync()
        return
      } catch {
        await this.#pause(retryMs)
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => void this.#options.clock.setTimeout(resolve, ms))
  }
}

/** Represents a message of another writer. */
const NOBODY: Part = { commitId: '', part: 0, parts: 1, data: new Uint8Array() }

const isSame = (a: Part, b: Part): boolean => a.commitId === b.commitId && a.part === b.part
