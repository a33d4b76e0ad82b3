import type { Clock, Timer } from '../clock.ts'
import { Listeners } from '../listeners.ts'
import type { Beat, Beats } from './beats.ts'
import type { Leader } from './log/replicated-log.ts'

const BEAT_MS = 1000
/** The active node is gone when it was not heard for this long. */
const SILENCE_MS = 3000
/** A node that reaches neither a majority nor the stream for this long is cut off: looked at each second, 6 s at most. */
const ISOLATED_MS = 5000
/** Where a majority was not heard for this long, the stream is asked. */
const DOUBT_MS = 1500
/** A node that was not heard for this long is no member any more. */
const MEMBER_MS = 30_000
/** How long each candidate lets those before it go first. */
const RANK_MS = 400
const SPREAD_MS = 200
/** A node that does not hear itself for this long hears nobody, whoever is active. */
const DEAF_MS = 2500
/** How soon a node that led before it was started anew takes it that nobody else does so by its name. */
const ANEW_MS = 1500
/** A look that comes this late was held up with everything else here: silence says nothing then. */
const LATE_MS = 2000

/** The log, as far as it says who leads. */
export interface RoleLog {
  readonly position: number
  readonly leader: Leader | undefined
  /** How often the leader changed. */
  readonly term: number
  readonly isLeading: boolean
  /** Resolves with false if another node took over, or if it is not wanted any more. */
  lead(isWanted: () => boolean): Promise<boolean>
  /** Ends leading. `tells`: the others hear it from the stream, if that can be reached, and need not wait for a silence. */
  resign(tells: boolean): Promise<void>
  /** How long ago those who can accept a commit were in touch with each other, ms. Rejects where that is not known. */
  reach(): Promise<number>
  /** Calls back when the leader changes, or this node leads no more. */
  onLeader(listener: () => void): () => void
}

export interface NodeRoleOptions {
  node: Pick<Beat, 'node' | 'address' | 'key' | 'tokenKeyId'>
  log: RoleLog
  beats: Beats
  clock: Clock
  /** From 0 to 1: candidates of the same rank do not try at the same moment. */
  random: () => number
  /** What runs on the active node only. Both may be called again and again. */
  services: { start(): Promise<void>; stop(): Promise<void> }
  onFault: (error: unknown) => void
  onNote: (message: string) => void
}

type State =
  | { name: 'following' }
  /** Tries to lead when the timer fires, unless somebody else does first. */
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
 * Decides whether this node is the active one. Beats and silence only say who tries; the stream says who leads, so a wrong
 * guess costs a change of roles, and never a false commit.
 */
export class NodeRole {
  readonly #options: NodeRoleOptions
  readonly #members = new Map<string, Member>()
  readonly #onChange = new Listeners<[]>()
  #state: State = { name: 'following' }
  #timer: Timer | undefined
  #unlisten: (() => void)[] = []
  /** When the active node was heard last, or was given time to be heard. */
  #activeAt = 0
  #lookedAt = 0
  /** When this node heard itself last. */
  #echoAt = 0
  /** When a majority of the nodes was heard, or the stream was reached. */
  #reachedAt = 0
  #isCutOff = false
  #isReaching = false
  /** A claim was made whose outcome is not known, though it may not be wanted any more. */
  #isClaiming = false
  #serving: Beat | undefined

  constructor(options: NodeRoleOptions) {
    this.#options = options
  }

  get isActive(): boolean {
    return this.#state.name === 'active'
  }

  /** It is active, and its services run. */
  get isServing(): boolean {
    return this.#state.name === 'active' && this.#state.isServing
  }

  /** The beat of the node that decides, itself included; undefined where none is known to, or it was not heard for 3 s. */
  get serving(): Beat | undefined {
    return this.#serving
  }

  /** It reaches neither a majority of the nodes nor the stream: what it knows may be old, and it can decide nothing. */
  get isCutOff(): boolean {
    return this.#isCutOff
  }

  /** Calls back when `serving` is another node, or when this node starts or ceases to serve, or is cut off. */
  onChange(listener: () => void): () => void {
    return this.#onChange.add(listener)
  }

  /** The nodes that were heard lately, this one included. */
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

  /** Hands over and ends. */
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
    // Its claim may be stored before its services are started.
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
    // A claim that was given up may be stored all the same, and a leader may be started anew: nobody need wait for it. One
    // that could not start its services lets the others try first.
    if (!isOwn && !beat.isActive && beat.node === leader?.node && beat.term === term) {
      this.#activeAt = Number.NEGATIVE_INFINITY
      this.#standIfDue(now)
    }
    // A beat of an older term comes from one that was replaced and does not know it yet.
    if (beat.isActive && beat.term >= term) {
      this.#activeAt = now
      if (!isOwn) this.#follow()
    }
    this.#judgeServing()
  }

  /** Of several that say so, as one that was replaced may for a moment, the one of the newest term. */
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
    // Whoever leads now has yet to be heard; nobody need be waited for who has resigned.
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

  /** Those that have more of the stream go first, then those with the smaller name. */
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
    // Asked again when everything in the stream is known, which may name a leader of a moment ago.
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
    onNote(`this node is the active one, by term ${log.term}`)
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

  /** Somebody else is active: no reason to try. */
  #follow(): void {
    if (this.#state.name === 'candidate' || this.#state.name === 'claiming') this.#become({ name: 'following' })
  }

  /**
   * A node that hears no majority may be cut off, or be the only one left. The stream tells: without a majority of its
   * servers it accepts nothing. An election of its leader takes seconds, in which all nodes are still heard. One that
   * knows of no other has no majority to hear.
   */
  #checkReach(now: number): void {
    const heard = [...this.#members.values()].map(({ heardAt }) => heardAt).sort((a, b) => b - a)
    const majorityAt = heard[Math.floor(heard.length / 2)]
    if (heard.length > 1 && majorityAt !== undefined) this.#reachedAt = Math.max(this.#reachedAt, majorityAt)
    if (now - this.#reachedAt >= DOUBT_MS) this.#reach()
    const isCutOff = now - this.#reachedAt >= ISOLATED_MS
    if (isCutOff === this.#isCutOff) return
    this.#isCutOff = isCutOff
    if (isCutOff && this.#state.name === 'active') this.#demote('it reaches neither the other nodes nor the stream')
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
    onNote(`this node is not the active one any more: ${why}`)
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
