import { readFile, writeFile } from 'node:fs/promises'
import type { Clock } from '../../src/clock.ts'
import type { CheckpointStore } from '../../src/cluster/log/checkpoint-store.ts'
import type { Appended, Bounds, CommitStream, Part, Reach, StoredPart } from '../../src/cluster/log/commit-stream.ts'
import type { seededRandom } from './random.ts'

/** Faults of requests and messages, as probabilities from 0 to 1. */
export interface StreamFaults {
  /** The longest delay of a message, ms. */
  delayMs: number
  /** An append request is lost. */
  lost: number
  /** The answer to an append request is lost. */
  mute: number
  /** A request arrives long after its sender gave up. */
  late: number
  /** An append is refused although nothing was stored: the conflicting message never appears. */
  refused: number
  /** Listeners are not notified of a message. */
  untold: number
  /** The queried server does not know the newest messages yet. */
  stale: number
}

const NONE: StreamFaults = { delayMs: 0, lost: 0, mute: 0, late: 0, refused: 0, untold: 0, stale: 0 }
const ANSWER_MS = 2000

/** The state that all nodes share. */
export class MemoryStreamStore {
  readonly epoch: string
  first = 1
  parts: StoredPart[] = []
  readonly streams = new Set<MemoryCommitStream>()
  /** Checkpoint files, by position. */
  readonly checkpoints = new Map<number, Buffer>()
  /** How many of the next list requests return no checkpoints. */
  unlisted = 0

  constructor(epoch = 'test') {
    this.epoch = epoch
  }

  get last(): number {
    return this.first + this.parts.length - 1
  }

  /** Accepts or refuses an append, like the leader. */
  append(part: Part, expected: number): Appended {
    if (expected !== this.last) return { status: 'refused' }
    const stored = { ...part, position: this.last + 1 }
    this.parts.push(stored)
    for (const stream of this.streams) stream.tell(stored)
    return { status: 'accepted', position: stored.position }
  }
}

/** One node's view of a stream in memory, with network faults. */
export class MemoryCommitStream implements CommitStream {
  readonly epoch: string
  readonly checkpoints: CheckpointStore
  maxPartBytes = 1000
  /** No server can be reached, and listeners are not notified. */
  isCut = false
  readonly #store: MemoryStreamStore
  readonly #clock: Clock
  readonly #random: ReturnType<typeof seededRandom> | undefined
  readonly #faults: StreamFaults
  readonly #listeners = new Set<(part: StoredPart) => void>()

  constructor(
    store: MemoryStreamStore,
    clock: Clock,
    random?: ReturnType<typeof seededRandom>,
    faults: Partial<StreamFaults> = {},
  ) {
    this.epoch = store.epoch
    this.#store = store
    this.#clock = clock
    this.#random = random
    this.#faults = { ...NONE, ...faults }
    const { checkpoints } = store
    this.checkpoints = {
      list: async () => (store.unlisted-- > 0 ? [] : [...checkpoints.keys()].sort((a, b) => b - a)),
      save: async (position, path) => void checkpoints.set(position, await readFile(path)),
      load: async (position, path) => writeFile(path, checkpoints.get(position)!),
      remove: async position => void checkpoints.delete(position),
    }
    store.streams.add(this)
  }

  async append(part: Part, expected: number): Promise<Appended> {
    const { lost, mute, late, refused } = this.#faults
    if (this.isCut || this.#happens(lost)) return this.#unanswered()
    if (this.#happens(late)) {
      const delayMs = ANSWER_MS + this.#random!.below(2 * ANSWER_MS)
      this.#clock.setTimeout(() => void this.#store.append(part, expected), delayMs)
      return this.#unanswered()
    }
    await this.#way()
    if (this.#happens(refused)) return { status: 'refused' }
    const answer = this.#store.append(part, expected)
    if (this.isCut || this.#happens(mute)) return this.#unanswered()
    await this.#way()
    return answer
  }

  async bounds(): Promise<Bounds> {
    await this.#way()
    if (this.isCut) throw new Error('no leader answers')
    const { first, last } = this.#store
    return { first, last: this.#happens(this.#faults.stale) ? Math.max(first - 1, last - 1) : last }
  }

  async reach(): Promise<Reach> {
    await this.#way()
    if (this.isCut) throw new Error('no leader answers')
    return { agoMs: 0, last: this.#store.last }
  }

  async read(after: number, upTo: number): Promise<readonly StoredPart[]> {
    await this.#way()
    if (this.isCut) throw new Error('no server answers')
    const { parts, first } = this.#store
    if (after + 1 < first) return []
    const found = parts.slice(after + 1 - first, upTo + 1 - first)
    return this.#happens(this.#faults.stale) ? found.slice(0, this.#random!.below(found.length + 1)) : found
  }

  listen(listener: (part: StoredPart) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(part: StoredPart): void {
    if (this.isCut || this.#happens(this.#faults.untold)) return
    void this.#way().then(() => {
      for (const listener of this.#listeners) listener(part)
    })
  }

  async trim(upTo: number): Promise<void> {
    this.#store.parts.splice(0, upTo + 1 - this.#store.first)
    this.#store.first = Math.max(this.#store.first, upTo + 1)
  }

  async close(): Promise<void> {
    this.#listeners.clear()
    this.#store.streams.delete(this)
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#random!.next() < chance
  }

  #way(): Promise<void> {
    const { delayMs } = this.#faults
    if (delayMs === 0) return Promise.resolve()
    return new Promise(resolve => void this.#clock.setTimeout(resolve, this.#random!.below(delayMs)))
  }

  #unanswered(): Promise<Appended> {
    return new Promise(resolve => {
      this.#clock.setTimeout(() => resolve({ status: 'unknown', reason: 'no answer' }), ANSWER_MS)
    })
  }
}
