import type { Clock } from '../clock.ts'
import type { Beat } from './beats.ts'
import type { Durability } from './cluster-node.ts'

/** A replica may be behind for this long before its node is not ready. */
const LAG_MS = 2000
/** An election takes seconds, in which every node is still worth its clients. */
const NO_ACTIVE_MS = 15_000
/** As long as an append waits: longer than an election takes. */
const NO_STREAM_MS = 15_000
/** For how long it counts that another process was heard that calls itself the same. */
const TWIN_MS = 5000
const TWINS = 3

export interface ConditionPorts {
  self: { readonly node: string; readonly key: string; readonly tokenKeyId?: string }
  clock: Clock
  /** Up to where the replica has the stream. */
  position(): number
  /** Why the replica cannot go on. */
  failed(): string | undefined
  isCutOff(): boolean
  hasActive(): boolean
  /** How long ago those who can accept a commit were in touch with each other, ms. Rejects where that is not known. */
  reach(): Promise<number>
  durability(): Durability
  requiresFsync: boolean
  /** Called when another process is heard that calls itself the same. */
  onTwin(): void
  /** Called once for each node that judges tokens by another key. */
  onOtherKey(node: string): void
}

/** Judges whether clients are served well by this node. */
export class NodeCondition {
  readonly #ports: ConditionPorts
  /** A place of the stream that others have and this node has not, and since when. */
  #behind: { position: number; since: number } | undefined
  /** Since when no active node is known; undefined while one is. */
  #inactiveSince: number | undefined = Number.NEGATIVE_INFINITY
  #twinsAt: number[] = []
  /** When the stream could accept a commit last. */
  #streamAt: number
  #isAsking = false
  readonly #otherKeys = new Set<string>()

  constructor(ports: ConditionPorts) {
    this.#ports = ports
    this.#streamAt = ports.clock.monotonic()
  }

  /** Must be called every few seconds. */
  look(): void {
    if (this.#isAsking) return
    this.#isAsking = true
    const { clock, reach } = this.#ports
    const askedAt = clock.monotonic()
    reach()
      .then(
        agoMs => {
          this.#streamAt = Math.max(this.#streamAt, askedAt - agoMs)
        },
        () => {},
      )
      .finally(() => {
        this.#isAsking = false
      })
  }

  heard(beat: Beat): void {
    const { self, clock, position, onTwin, onOtherKey } = this.#ports
    const now = clock.monotonic()
    if (beat.node === self.node && beat.key !== self.key && !beat.isLeaving) {
      this.#twinsAt = [...this.#twinsAt.filter(at => now - at < TWIN_MS), now]
      if (this.#twinsAt.length === TWINS) onTwin()
    }
    if (beat.tokenKeyId === self.tokenKeyId) this.#otherKeys.delete(beat.node)
    else if (!this.#otherKeys.has(beat.node)) {
      this.#otherKeys.add(beat.node)
      onOtherKey(beat.node)
    }
    if (this.#behind !== undefined && position() >= this.#behind.position) this.#behind = undefined
    if (beat.position > position()) this.#behind ??= { position: beat.position, since: now }
  }

  roleChanged(): void {
    const { clock, hasActive } = this.#ports
    this.#inactiveSince = hasActive() ? undefined : (this.#inactiveSince ?? clock.monotonic())
  }

  /** How long the replica has been behind, ms. */
  get lagMs(): number {
    const { clock, position } = this.#ports
    if (this.#behind === undefined || position() >= this.#behind.position) return 0
    return clock.monotonic() - this.#behind.since
  }

  /** Why clients are better served by another node; undefined where they are not. */
  get flaw(): string | undefined {
    const { self, clock, failed, isCutOff, durability, requiresFsync } = this.#ports
    const now = clock.monotonic()
    const failure = failed()
    if (failure !== undefined) return `the replica has failed: ${failure}`
    if (isCutOff()) return 'this node is cut off: it reaches neither the other nodes nor the NATS servers'
    if (this.#twinsAt.filter(at => now - at < TWIN_MS).length >= TWINS) {
      return `another process is node ${self.node} too: each needs a FLEETWIRE_NODE of its own`
    }
    if (now - this.#streamAt >= NO_STREAM_MS) {
      const seconds = Math.floor((now - this.#streamAt) / 1000)
      return `the NATS servers can store nothing: they have had no majority for ${seconds} s`
    }
    if (this.#inactiveSince !== undefined && now - this.#inactiveSince >= NO_ACTIVE_MS)
      return 'no node is the active one'
    if (this.lagMs >= LAG_MS) return `the replica is ${Math.floor(this.lagMs / 1000)} s behind`
    if (requiresFsync && durability() !== 'fsync') {
      return 'the NATS servers are not known to sync each commit to their disks, as FLEETWIRE_NATS_REQUIRE_FSYNC asks'
    }
    return undefined
  }
}
