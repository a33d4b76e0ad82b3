import type { Clock } from '../../clock.ts'
import type { CommitFollower } from './commit-follower.ts'
import type { CommitStream, Part, StoredPart } from './commit-stream.ts'

const FIRST_RETRY_MS = 20
const MAX_RETRY_MS = 500

export type Written =
  | { status: 'written'; position: number }
  /** Somebody else wrote behind the same message: nothing of this commit counts, nor of any later one. */
  | { status: 'deposed' }
  /** Given up, because this writer was stopped or the claim is not wanted any more: it may be stored, now or later. */
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
  /** Called once when a message of somebody else shows that this writer is none any more. */
  onDeposed: () => void
}

/**
 * Writes commits, one at a time, each directly behind the last. What became of an attempt is never guessed: an answer
 * that did not come, and a refusal, which an earlier attempt of the same message causes too, are settled by what the
 * stream holds in the place of the message. The follower shows it. As long as nothing stands there, the message is sent
 * again: only one of all attempts can be accepted, as all of them name the same place.
 */
export class CommitWriter {
  readonly #options: CommitWriterOptions
  #state: 'following' | 'claiming' | 'leading' | 'stopped' = 'following'
  /** Where the last message of this writer stands. */
  #at = 0
  #awaited: Awaited | undefined

  constructor(options: CommitWriterOptions) {
    this.#options = options
  }

  get isLeading(): boolean {
    return this.#state === 'leading'
  }

  /**
   * Becomes the writer by a first commit behind everything that the stream holds now. `data` is called when all of that
   * was handed over. Given up when `isWanted` says so, which is asked before each attempt.
   */
  async claim(id: string, data: () => Uint8Array, isWanted = () => true): Promise<Written> {
    if (this.#state === 'stopped') return { status: 'unknown' }
    if (this.#state !== 'following') throw new Error(`it is ${this.#state} already`)
    this.#state = 'claiming'
    await this.#synced(isWanted)
    this.#at = this.#options.follower.at
    const written: Written = isWanted() ? await this.#write(id, data(), isWanted) : { status: 'unknown' }
    if (this.#state === 'claiming') this.#state = written.status === 'written' ? 'leading' : 'following'
    return written
  }

  /** Must not be called before the commit before it is settled. */
  async commit(id: string, data: Uint8Array): Promise<Written> {
    if (this.#state === 'stopped') return { status: 'unknown' }
    if (this.#state !== 'leading') return { status: 'deposed' }
    return this.#write(id, data)
  }

  /** Must be called with each message that the follower hands over, before what follows from it. */
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

  /** Stops leading; a commit under way is finished first by whoever awaits it. */
  resign(): void {
    if (this.#state === 'leading') this.#state = 'following'
  }

  /** Gives up what is under way. */
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
    // Somebody wrote there before this part was sent.
    if (follower.at > expected) this.saw({ ...NOBODY, position: follower.at })
    for (let retryMs = FIRST_RETRY_MS; outcome === undefined; retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)) {
      const answered = stream.append(part, expected).then(answer => {
        if (answer.status === 'accepted') follower.take({ ...part, position: answer.position })
      })
      await Promise.race([answered, settled])
      if (outcome !== undefined) break
      // Nothing is learned where the stream cannot be asked, and sending it again is safe in any case.
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

/** Stands for a message of somebody else. */
const NOBODY: Part = { commitId: '', part: 0, parts: 1, data: new Uint8Array() }

const isSame = (a: Part, b: Part): boolean => a.commitId === b.commitId && a.part === b.part
