import { setImmediate as turn } from 'node:timers/promises'
import type { Clock, Timer } from '../../src/clock.ts'
import type { Beat, Beats } from '../../src/cluster/beats.ts'
import { CommitFollower } from '../../src/cluster/log/commit-follower.ts'
import { CommitWriter, type Written } from '../../src/cluster/log/commit-writer.ts'
import type { Leader } from '../../src/cluster/log/replicated-log.ts'
import { NodeRole, type RoleLog } from '../../src/cluster/node-role.ts'
import { Listeners } from '../../src/listeners.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryCommitStream, MemoryStreamStore, type StreamFaults } from './memory-commit-stream.ts'
import { seededRandom } from './random.ts'

type Random = ReturnType<typeof seededRandom>

/** The content of a commit: the last commit that its writer knew, and the writer's term. */
export interface Said {
  after: string
  term: number
  node: string
  /** Set in a change of the leader. */
  leader?: string | null
}

/** The clock of one process, which can be paused or dead. */
class ProcessClock implements Clock {
  isDead = false
  #paused: (() => void)[] | undefined
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  now = () => this.#clock.now()
  monotonic = () => this.#clock.monotonic()
  setTimeout = (callback: () => void, ms: number): Timer => this.#clock.setTimeout(() => this.#run(callback), ms)
  setInterval = (callback: () => void, ms: number): Timer => this.#clock.setInterval(() => this.#run(callback), ms)

  get isPaused(): boolean {
    return this.#paused !== undefined
  }

  pause(): void {
    this.#paused ??= []
  }

  resume(): void {
    const late = this.#paused ?? []
    this.#paused = undefined
    for (const callback of late) this.#run(callback)
  }

  #run(callback: () => void): void {
    if (this.isDead) return
    if (this.#paused === undefined) callback()
    else this.#paused.push(callback)
  }
}

class SimulatedLog implements RoleLog {
  leader: Leader | undefined
  term = 0
  readonly told: Record<Written['status'], string[]>
  readonly #listeners = new Listeners<[]>()
  readonly #follower: CommitFollower
  readonly #writer: CommitWriter
  readonly #stream: MemoryCommitStream
  readonly #node: string
  readonly #clock: Clock
  #tail = ''

  constructor(node: string, stream: MemoryCommitStream, clock: Clock, told: SimulatedLog['told']) {
    this.#node = node
    this.#stream = stream
    this.#clock = clock
    this.told = told
    this.#follower = new CommitFollower({
      ...{ stream, clock, from: 0 },
      onPart: part => this.#writer.saw(part),
      onCommit: ({ id, data }) => {
        this.#tail = id
        const { leader, term } = JSON.parse(Buffer.from(data).toString()) as Said
        if (leader === undefined) return
        this.term = term
        this.leader = leader === null ? undefined : { node: leader, address: '', term }
        this.#listeners.tell()
      },
      onLost: () => {},
    })
    const onDeposed = () => this.#listeners.tell()
    this.#writer = new CommitWriter({ stream, follower: this.#follower, clock, onDeposed })
    this.#follower.start()
  }

  get position(): number {
    return this.#follower.at
  }

  get isLeading(): boolean {
    return this.#writer.isLeading
  }

  async lead(isWanted: () => boolean): Promise<boolean> {
    if (this.isLeading) return true
    const id = this.#id()
    const data = () => this.#say(this.term + 1, this.#node)
    this.#note(id, await this.#writer.claim(id, data, isWanted))
    return this.isLeading
  }

  async commit(): Promise<void> {
    const id = this.#id()
    this.#note(id, await this.#writer.commit(id, this.#say(this.term)))
  }

  async resign(tells: boolean): Promise<void> {
    if (tells && this.isLeading) {
      const id = this.#id()
      const told = this.#writer.commit(id, this.#say(this.term + 1, null)).then(written => this.#note(id, written))
      await Promise.race([told, new Promise<void>(resolve => void this.#clock.setTimeout(resolve, 2000))])
    }
    this.#writer.resign()
  }

  async reach(): Promise<number> {
    return (await this.#stream.reach()).agoMs
  }

  onLeader(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  stop(): void {
    this.#writer.stop()
    this.#follower.stop()
  }

  #id(): string {
    return `${this.#node}-${++counter}`
  }

  #say(term: number, leader?: string | null): Uint8Array {
    const said: Said = { after: this.#tail, term, node: this.#node, ...(leader !== undefined && { leader }) }
    return Buffer.from(JSON.stringify(said))
  }

  #note(id: string, { status }: Written): void {
    this.told[status].push(id)
  }
}

let counter = 0

/** A node that can be cut off, paused, killed and started again. */
export class SimulatedNode {
  readonly name: string
  readonly told: SimulatedLog['told'] = { written: [], deposed: [], unknown: [] }
  readonly notes: string[] = []
  stream!: MemoryCommitStream
  log!: SimulatedLog
  role!: NodeRole
  clock: ProcessClock
  isRunning = false
  isAlive = false
  /** Beats are lost. */
  isMute = false
  readonly #world: SimulatedNodes
  readonly #faults: Partial<StreamFaults>

  constructor(name: string, world: SimulatedNodes, faults: Partial<StreamFaults>) {
    this.name = name
    this.#world = world
    this.clock = new ProcessClock(world.clock)
    this.#faults = faults
  }

  start(): void {
    if (this.isAlive) return
    const { store, clock, random } = this.#world
    this.isAlive = true
    this.clock = new ProcessClock(clock)
    this.stream = new MemoryCommitStream(store, this.clock, random, { delayMs: 5, ...this.#faults })
    this.log = new SimulatedLog(this.name, this.stream, this.clock, this.told)
    const { log } = this
    this.role = new NodeRole({
      ...{ log, clock: this.clock, random: random.next, node: { node: this.name, address: '', key: '' } },
      beats: this.#world.beatsOf(this),
      services: {
        start: async () => {
          await this.#wait(random.below(500))
          this.isRunning = this.isAlive && this.role.isActive
          void this.#work(log)
        },
        stop: async () => {
          this.isRunning = false
        },
      },
      onFault: fault => {
        throw fault
      },
      onNote: note => this.notes.push(note),
    })
    this.role.start()
  }

  /** Cuts the node off from the stream and from the other nodes, or reconnects it. */
  cut(isCut: boolean): void {
    this.stream.isCut = isCut
    this.isMute = isCut
  }

  kill(): void {
    this.isAlive = this.isRunning = this.isMute = false
    this.clock.isDead = true
    this.log.stop()
    void this.stream.close()
  }

  async #work(log: SimulatedLog): Promise<void> {
    while (this.isRunning && this.log === log) {
      await log.commit()
      await this.#wait(50 + this.#world.random.below(100))
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise(resolve => void this.clock.setTimeout(resolve, ms))
  }
}

/** Nodes with their stream and the beats between them. */
export class SimulatedNodes {
  readonly clock = new FakeClock()
  readonly store = new MemoryStreamStore()
  readonly random: Random
  readonly nodes: SimulatedNode[]
  readonly #listeners = new Map<SimulatedNode, Set<(beat: Beat) => void>>()

  constructor(seed: number, names: readonly string[], faults: Partial<StreamFaults> = {}) {
    this.random = seededRandom(seed)
    this.nodes = names.map(name => new SimulatedNode(name, this, faults))
    for (const node of this.nodes) node.start()
  }

  /** Live nodes that believe they are active. */
  get active(): SimulatedNode[] {
    return this.nodes.filter(({ isAlive, role }) => isAlive && role.isActive)
  }

  get written(): number {
    return this.store.parts.length
  }

  beatsOf(node: SimulatedNode): Beats {
    const listeners = new Set<(beat: Beat) => void>()
    this.#listeners.set(node, listeners)
    return {
      send: beat => {
        if (node.isMute) return
        for (const other of this.nodes) {
          if (other.isMute && other !== node) continue
          const theirs = this.#listeners.get(other) ?? new Set()
          other.clock.setTimeout(() => {
            for (const listener of theirs) listener(beat)
          }, 1 + this.random.below(20))
        }
      },
      listen: listener => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
  }

  async pass(ms: number): Promise<void> {
    for (const until = this.clock.monotonic() + ms; this.clock.monotonic() < until; ) {
      this.clock.advance(20)
      await turn()
      await turn()
    }
  }

  /** Lets time pass until the condition holds. Resolves with the time that it took, ms. */
  async until(isSo: () => boolean, mostMs = 60_000): Promise<number> {
    const start = this.clock.monotonic()
    while (!isSo()) {
      if (this.clock.monotonic() - start > mostMs) throw new Error(`not so after ${mostMs} ms`)
      await this.pass(20)
    }
    return this.clock.monotonic() - start
  }

  /** Commits that were not written by the leader at their position, or that were based on another state. */
  flaws(): string[] {
    const flaws: string[] = []
    const ids = new Set<string>()
    let tail = ''
    let term = 0
    let leader: string | null | undefined
    for (const { commitId, data } of this.store.parts) {
      const said = JSON.parse(Buffer.from(data).toString()) as Said
      if (said.after !== tail) flaws.push(`${commitId} was written to follow ${said.after}, but follows ${tail}`)
      if (said.leader !== undefined) {
        if (said.term <= term) flaws.push(`${commitId} changes to term ${said.term} after term ${term}`)
        term = said.term
        leader = said.leader
      } else if (said.node !== leader || said.term !== term) {
        flaws.push(`${commitId} of term ${said.term} is in term ${term} of ${leader}`)
      }
      if (ids.has(commitId)) flaws.push(`${commitId} is stored twice`)
      ids.add(commitId)
      tail = commitId
    }
    for (const { told } of this.nodes) {
      for (const id of told.written) if (!ids.has(id)) flaws.push(`${id} was accepted, but is not stored`)
      for (const id of told.deposed) if (ids.has(id)) flaws.push(`${id} was refused, but is stored`)
    }
    return flaws
  }
}
