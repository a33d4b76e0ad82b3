import type { Clock, Timer } from '../clock.ts'
import { Listeners } from '../listeners.ts'
import type { Beat, Beats } from './beats.ts'
import type { Leader } from './log/replicated-log.ts'

const BEAT_MS = 1000
/** The active node counts as gone when it was not heard for this long. */
const SILENCE_MS = 3000
/** A node that reaches neither a majority nor the stream for this long is cut off. Checked each second: 6 s at most. */
const ISOLATED_MS = 5000
/** The stream is asked when no majority was heard for this long. */
const DOUBT_MS = 1500
/** A node that was not heard for this long is no longer a member. */
const MEMBER_MS = 30_000
/** How long each candidate waits for each candidate ranked before it. */
const RANK_MS = 400
const SPREAD_MS = 200
/** A node that does not hear its own beats for this long hears no beats at all, whoever is active. */
const DEAF_MS = 2500
/** How long a restarted node that was the leader waits for another process of its name before it stands. */
const ANEW_MS = 1500
/** A check this late means that this process stalled, so silence proves nothing. */
const LATE_MS = 2000

/** What the role needs of the log. */
export interface RoleLog {
  readonly position: number
  readonly leader: Leader | undefined
  /** How often the leader has changed. */
  readonly term: number
  readonly isLeading: boolean
  /** Resolves with false if another node took over, or if leading is no longer wanted. */
  lead(isWanted: () => boolean): Promise<boolean>
  /** Stops leading. `tells`: records it in the stream, if reachable, so that the others need not wait for a silence. */
  resign(tells: boolean): Promise<void>
  /** How long ago a majority of the stream's servers was last in contact, ms. Rejects if that is not known. */
  reach(): Promise<number>
  /** Calls back when the leader changes, or when this node stops leading. */
  onLeader(listener: () => void): () => void
}

export interface NodeRoleOptions {
  node: Pick<Beat, 'node' | 'address' | 'key' | 'tokenKeyId'>
  log: RoleLog
  beats: Beats
  clock: Clock
  /** From 0 to 1: keeps candidates of the same rank from trying at the same moment. */
  random: () => number
  /** What runs on the active node only. Both methods may be called repeatedly. */
  services: { start(): Promise<void>; stop(): Promise<void> }
  onFault: (error: unknown) => void
  onNote: (message: string) => void
}

type State =
  | { name: 'following' }
  /** Claims the lead when the timer fires, unless another node does so first. */
  | { name: 'candidate'; timer: Timer }
  | { name: 'claiming' }
  /** `isServing`: its services run. */
  | { name: 'active'; isServing: boolean }
  | { name: 'stopped' }

interface Member {
  beat: Beat
  heardAt: number
}

/**
 * Decides whether this node is the active one. Beats and silence only determine who tries; the stream determines who
 * leads. A wrong guess costs a change of roles, never a false commit.
 */
export class NodeRole {
  readonly #options: NodeRoleOptions
  readonly #members = new Map<string, Member>()
  readonly #onChange = new Listeners<[]>()
  #state: State = { name: 'following' }
  #timer: Timer | undefined
  #unlisten: (() => void)[] = []
  /** When the active node was last heard, or was last given time to be heard. */
  #activeAt = 0
  #lookedAt = 0
  /** When this node last heard its own beat. */
  #echoAt = 0
  /** When a majority of the nodes was last heard, or the stream was last reached. */
  #reachedAt = 0
  #isCutOff = false
  #isReaching = false
  /** The outcome of a claim is still unknown, even if the claim is no longer wanted. */
  #isClaiming = false
  #serving: Beat | undefined

  constructor(options: NodeRoleOptions) {
    this.#options = options
  }

  get isActive(): boolean {
    return this.#state.name === 'active'
  }

  /** This node is active, and its services run. */
  get isServing(): boolean {
    return this.#state.name === 'active' && this.#state.isServing
  }

  /** The beat of the node that serves, possibly this one; undefined if none is known, or it was not heard for 3 s. */
  get serving(): Beat | undefined {
    return this.#serving
  }

  /**
   * This node reaches neither a majority of the nodes nor the stream: it can decide nothing, and its data may be stale.
   */
  get isCutOff(): boolean {
    return this.#isCutOff
  }

  /** Calls back when `serving` is another node, when this node starts or stops serving, or when `isCutOff` changes. */
  onChange(listener: () => void): () => void {
    return this.#onChange.add(listener)
  }

  /** The nodes that were heard recently, this one included. */
  get members(): Beat[] {
    return [...this.#members.values()].map(({ beat }) => beat)
  }

  start(): void {
    if (this.#timer !== undefined || this.#state.name === 'stopped') return
    const { clock, beats, log } = this.#options
    this.#activeAt = this.#lookedAt = this.#echoAt = this.#reachedAt = clock.monotonic()
    if (log.leader?.node === this.#options.node.node) this.#activeAt -= SILENCE_MS - ANEW_MS
    this.#unlisten = [beats.listen(beat => this.#hear(beat)), log.onLeader(() => this.#leaderChanged())]
    this.#timer = clock.setInterval(() => this.#look(), BEAT_MS)
    this.#look()
  }

  /** Hands over and stops. */
  async stop(): Promise<void> {
    if (this.#state.name === 'stopped') return
    const { services, log } = this.#options
    const wasActive = this.isActive
    this.#become({ name: 'stopped' })
    this.#beat()
    this.#judgeServing()
    this.#timer?.cancel()
    for (const unlisten of this.#unlisten) unlisten()
    await services.stop()
    if (wasActive && log.isLeading) await log.resign(true)
  }

  #look(): void {
    const { clock } = this.#options
    const now = clock.monotonic()
    if (now - this.#lookedAt > BEAT_MS + LATE_MS) this.#activeAt = this.#reachedAt = now
    this.#lookedAt = now
    if (now - this.#echoAt > DEAF_MS) this.#activeAt = now
    for (const [node, { heardAt }] of this.#members) if (now - heardAt > MEMBER_MS) this.#members.delete(node)
    this.#beat()
    this.#checkReach(now)
    this.#judgeServing()
    this.#standIfDue(now)
  }

  #beat(): void {
    this.#options.beats.send(this.#says())
  }

  #says(): Beat {
    const { node, log } = this.#options
    const { isServing } = this
    // The claim may be stored before the services are started.
    const isActive = this.isActive || (this.#state.name === 'claiming' && log.isLeading)
    return {
      ...node,
      position: log.position,
      term: log.term,
      isActive,
      isServing,
      isLeaving: this.#state.name === 'stopped',
    }
  }

  #hear(beat: Beat): void {
    const { leader, term } = this.#options.log
    const isOwn = beat.node === this.#options.node.node
    const now = this.#options.clock.monotonic()
    if (beat.isLeaving) this.#members.delete(beat.node)
    else this.#members.set(beat.node, { beat, heardAt: now })
    if (isOwn) this.#echoAt = now
    // The recorded leader reports that it is not active: it restarted, a claim that it gave up was stored after all, or
    // its services failed to start. Nobody need wait for it, and other nodes get the first try.
    if (!isOwn && !beat.isActive && beat.node === leader?.node && beat.term === term) {
      this.#activeAt = Number.NEGATIVE_INFINITY
      this.#standIfDue(now)
    }
    // A beat of an older term comes from a node that was replaced and does not know it yet.
    if (beat.isActive && beat.term >= term) {
      this.#activeAt = now
      if (!isOwn) this.#follow()
    }
    this.#judgeServing()
  }

  /** If several nodes claim to serve, as a replaced one may for a moment, the newest term wins. */
  #judgeServing(): void {
    const { clock, log } = this.#options
    const now = clock.monotonic()
    const before = this.#serving
    let found: Beat | undefined = this.isServing ? this.#says() : undefined
    for (const { beat, heardAt } of this.#members.values()) {
      if (!beat.isServing || beat.node === this.#options.node.node || now - heardAt >= SILENCE_MS) continue
      if (beat.term >= Math.max(log.term, found?.term ?? 0)) found = beat
    }
    this.#serving = found
    if (found?.node !== before?.node || found?.key !== before?.key) this.#onChange.tell()
  }

  #leaderChanged(): void {
    const { log, clock } = this.#options
    const now = clock.monotonic()
    // The new leader has not been heard yet. A leader that resigned need not be waited for.
    if (log.leader !== undefined) this.#activeAt = now
    this.#judgeServing()
    if (this.#state.name === 'active' && !log.isLeading) this.#demote('another node leads')
    this.#standIfDue(now)
  }

  #standIfDue(now: number): void {
    if (this.#state.name === 'following' && !this.#isClaiming && this.#isLeaderless(now)) this.#stand(now)
  }

  #isLeaderless(now: number): boolean {
    return this.#options.log.leader === undefined || now - this.#activeAt >= SILENCE_MS
  }

  /** Nodes that have more of the stream go first, then those with the smaller name. */
  #stand(now: number): void {
    const { clock, log, node, random } = this.#options
    const before = [...this.#members.values()].filter(({ beat, heardAt }) => {
      if (beat.node === node.node || now - heardAt > SILENCE_MS) return false
      return beat.position > log.position || (beat.position === log.position && beat.node < node.node)
    })
    const delayMs = before.length * RANK_MS + random() * SPREAD_MS
    const timer = clock.setTimeout(() => void this.#claim(), delayMs)
    this.#become({ name: 'candidate', timer })
  }

  async #claim(): Promise<void> {
    const { log, onFault, onNote, clock } = this.#options
    const claiming: State = { name: 'claiming' }
    this.#become(claiming)
    // Checked again once the whole stream is known: it may name a leader of a moment ago.
    const isWanted = () => this.#state === claiming && this.#isLeaderless(clock.monotonic())
    this.#isClaiming = true
    const isLeading = await log.lead(isWanted).catch(error => {
      onFault(error)
      return false
    })
    this.#isClaiming = false
    if (this.#state !== claiming) {
      if (isLeading) await log.resign(true)
      return
    }
    if (!isLeading || !log.isLeading) {
      this.#become({ name: 'following' })
      return
    }
    this.#activeAt = this.#reachedAt = clock.monotonic()
    onNote(`this node is the active one, in term ${log.term}`)
    await this.#serve()
  }

  async #serve(): Promise<void> {
    const { services, onFault } = this.#options
    const starting: State = { name: 'active', isServing: false }
    this.#become(starting)
    this.#beat()
    try {
      await services.start()
    } catch (error) {
      onFault(error)
      if (this.#state === starting) this.#demote('its services cannot be started')
      return
    }
    if (this.#state !== starting) return
    this.#become({ name: 'active', isServing: true })
    this.#beat()
    this.#judgeServing()
  }

  /** Another node is active, so there is no reason to try. */
  #follow(): void {
    if (this.#state.name === 'candidate' || this.#state.name === 'claiming') this.#become({ name: 'following' })
  }

  /**
   * A node that hears no majority may be cut off, or may be the only one left. The stream tells which: without a
   * majority of its servers it accepts nothing. While the stream elects its leader, which takes seconds, all nodes are
   * still heard. A node that knows of no other has no majority to hear.
   */
  #checkReach(now: number): void {
    const heard = [...this.#members.values()].map(({ heardAt }) => heardAt).sort((a, b) => b - a)
    const majorityAt = heard[Math.floor(heard.length / 2)]
    if (heard.length > 1 && majorityAt !== undefined) this.#reachedAt = Math.max(this.#reachedAt, majorityAt)
    if (now - this.#reachedAt >= DOUBT_MS) this.#reach()
    const isCutOff = now - this.#reachedAt >= ISOLATED_MS
    if (isCutOff === this.#isCutOff) return
    this.#isCutOff = isCutOff
    if (isCutOff && this.#state.name === 'active') this.#demote('it can reach neither the other nodes nor the stream')
    this.#onChange.tell()
  }

  #reach(): void {
    if (this.#isReaching) return
    this.#isReaching = true
    const { log, clock } = this.#options
    const askedAt = clock.monotonic()
    log
      .reach()
      .then(
        agoMs => {
          this.#reachedAt = Math.max(this.#reachedAt, askedAt - agoMs)
        },
        () => {},
      )
      .finally(() => {
        this.#isReaching = false
      })
  }

  #demote(why: string): void {
    const { services, log, onNote, onFault, clock } = this.#options
    onNote(`this node is no longer the active one: ${why}`)
    this.#become({ name: 'following' })
    this.#activeAt = clock.monotonic()
    this.#judgeServing()
    services.stop().catch(onFault)
    if (log.isLeading) log.resign(false).catch(onFault)
  }

  #become(state: State): void {
    if (this.#state.name === 'candidate') this.#state.timer.cancel()
    this.#state = state
  }
}
