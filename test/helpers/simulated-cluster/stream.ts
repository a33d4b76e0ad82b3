import type { CheckpointStore } from '../../../src/cluster/log/checkpoint-store.ts'
import type { Appended, Bounds, CommitStream, Part, Reach, StoredPart } from '../../../src/cluster/log/commit-stream.ts'
import type { seededRandom } from '../random.ts'
import type { ProcessClock, SimulatedTime } from './time.ts'

type Random = ReturnType<typeof seededRandom>

/** How long a client of the servers waits for an answer. */
const ANSWER_MS = 2000

/** The link of one node to the servers. Faults of single messages are probabilities from 0 to 1. */
export interface Link {
  /** The longest delay of a message, ms. */
  delayMs: number
  /** Nothing that the node sends arrives. */
  isCutOut: boolean
  /** Nothing that is sent to the node arrives. */
  isCutIn: boolean
  /** A request or its answer is lost. */
  lost: number
  /** A request arrives a second time, much later. */
  twice: number
  /** A request arrives long after its sender gave up. */
  late: number
  /** A listener is not notified of a message. */
  untold: number
}

/** The servers: one ordered stream, with or without a leader. */
export class SimulatedServers {
  readonly epoch = 'simulated'
  readonly parts: StoredPart[] = []
  /** The writer of each message, by position. */
  readonly writers: string[] = []
  /** No server leads the stream, so no request is answered. */
  isAway = false
  readonly #time: SimulatedTime
  readonly #random: Random
  readonly #isFenced: boolean
  readonly #streams = new Set<SimulatedStream>()

  /** If `isFenced`, a message is refused unless it names the last one. */
  constructor(time: SimulatedTime, random: Random, isFenced: boolean) {
    this.#time = time
    this.#random = random
    this.#isFenced = isFenced
  }

  get last(): number {
    return this.parts.length
  }

  /** Accepts or refuses an append, like the leader, and notifies all reachable listeners. */
  append(part: Part, expected: number, writer: string): Appended {
    if (this.#isFenced && expected !== this.last) return { status: 'refused' }
    const stored = { ...part, position: this.last + 1 }
    this.parts.push(stored)
    this.writers.push(writer)
    for (const stream of this.#streams) stream.tell(stored)
    return { status: 'accepted', position: stored.position }
  }

  /** Delivers a request to the servers, unless it is lost. */
  reach(link: Link, what: () => void): void {
    if (link.isCutOut || this.#happens(link.lost)) return
    if (this.#happens(link.late)) {
      this.#time.after(ANSWER_MS + this.#random.below(4 * ANSWER_MS), what)
      return
    }
    this.#time.after(this.#way(link), what)
    if (this.#happens(link.twice)) this.#time.after(this.#random.below(4 * ANSWER_MS), what)
  }

  /** Delivers an answer of the servers to a node, unless it is lost. */
  answer(link: Link, clock: ProcessClock, what: () => void): void {
    if (!link.isCutIn && !this.#happens(link.lost)) clock.receive(this.#way(link), what)
  }

  /** Notifies a node's listeners of a message, unless the notification is lost. */
  publish(link: Link, clock: ProcessClock, what: () => void): void {
    if (!link.isCutIn && !this.#happens(link.untold)) clock.receive(this.#way(link), what)
  }

  open(link: Link, clock: ProcessClock, writer: string): SimulatedStream {
    const stream = new SimulatedStream(this, link, clock, writer)
    this.#streams.add(stream)
    return stream
  }

  close(stream: SimulatedStream): void {
    this.#streams.delete(stream)
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#random.next() < chance
  }

  #way({ delayMs }: Link): number {
    return 1 + this.#random.below(delayMs)
  }
}

/** The stream as seen by one process of a node. */
export class SimulatedStream implements CommitStream {
  readonly epoch: string
  readonly maxPartBytes = 4000
  readonly #servers: SimulatedServers
  readonly #link: Link
  readonly #clock: ProcessClock
  readonly #writer: string
  readonly #listeners = new Set<(part: StoredPart) => void>()
  /** There are no checkpoints, because a simulated node never misses much. */
  readonly checkpoints: CheckpointStore = {
    list: async () => [],
    save: async () => {},
    load: async () => {},
    remove: async () => {},
  }

  constructor(servers: SimulatedServers, link: Link, clock: ProcessClock, writer: string) {
    this.epoch = servers.epoch
    this.#servers = servers
    this.#link = link
    this.#clock = clock
    this.#writer = writer
  }

  append(part: Part, expected: number): Promise<Appended> {
    return this.#ask(() => this.#servers.append(part, expected, this.#writer), {
      status: 'unknown',
      reason: 'no answer',
    } as const)
  }

  async bounds(): Promise<Bounds> {
    const bounds = await this.#ask((): Bounds => ({ first: 1, last: this.#servers.last }), undefined)
    if (bounds === undefined) throw new Error('no leader answers')
    return bounds
  }

  async reach(): Promise<Reach> {
    const reach = await this.#ask((): Reach => ({ agoMs: 0, last: this.#servers.last }), undefined)
    if (reach === undefined) throw new Error('no leader answers')
    return reach
  }

  async read(after: number, upTo: number): Promise<readonly StoredPart[]> {
    const found = await this.#ask(() => this.#servers.parts.slice(after, upTo), undefined)
    if (found === undefined) throw new Error('no server answers')
    return found
  }

  listen(listener: (part: StoredPart) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(part: StoredPart): void {
    this.#servers.publish(this.#link, this.#clock, () => {
      for (const listener of this.#listeners) listener(part)
    })
  }

  async trim(): Promise<void> {}

  async close(): Promise<void> {
    this.#listeners.clear()
    this.#servers.close(this)
  }

  /** Sends one request. Resolves with `otherwise` if no answer arrives in time. A dead process sends nothing. */
  #ask<A, B>(question: () => A, otherwise: B): Promise<A | B> {
    return new Promise(resolve => {
      if (this.#clock.isDead) return
      const timer = this.#clock.setTimeout(() => resolve(otherwise), ANSWER_MS)
      this.#servers.reach(this.#link, () => {
        if (this.#servers.isAway) return
        const answer = question()
        this.#servers.answer(this.#link, this.#clock, () => {
          timer.cancel()
          resolve(answer)
        })
      })
    })
  }
}
