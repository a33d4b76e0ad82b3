import type { Clock } from '../clock.ts'
import type { Beat } from './beats.ts'
import type { Durability } from './cluster-node.ts'

/** A node whose replica is behind for this long is not ready. */
const LAG_MS = 2000
/** An election takes seconds, during which every node can still serve its clients. */
const NO_ACTIVE_MS = 15_000
/** The timeout of an append: longer than an election takes. */
const NO_STREAM_MS = 15_000
/** How long a beat of another process with the same node name counts. */
const TWIN_MS = 5000
const TWINS = 3

export interface ConditionPorts {
  self: { readonly node: string; readonly key: string; readonly tokenKeyId?: string }
  clock: Clock
  /** How far the replica has followed the stream. */
  position(): number
  /** Why the replica has failed; undefined while it works. */
  failed(): string | undefined
  isCutOff(): boolean
  hasActive(): boolean
  /** How long ago a majority of the stream's servers was last in contact, ms. Rejects if that is not known. */
  reach(): Promise<number>
  durability(): Durability
  requiresFsync: boolean
  /** Called when another process with the same node name is heard. */
  onTwin(): void
  /** Called once for each node that verifies tokens with another key. */
  onOtherKey(node: string): void
}

/** Judges whether this node serves clients well. */
export class NodeCondition {
  readonly #ports: ConditionPorts
  /** A stream position that other nodes have reached and this one has not, and since when. */
  #behind: { position: number; since: number } | undefined
  /** Since when no active node has been known; undefined while one is. */
  #inactiveSince: number | undefined = Number.NEGATIVE_INFINITY
  #twinsAt: number[] = []
  /** When the stream could last accept a commit. */
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

  /** Why clients should use another node; undefined if they need not. */
  get flaw(): string | undefined {
    const { self, clock, failed, isCutOff, durability, requiresFsync } = this.#ports
    const now = clock.monotonic()
    const failure = failed()
    if (failure !== undefined) return `the replica has failed: ${failure}`
    if (isCutOff()) return 'this node is cut off: it can reach neither the other nodes nor the NATS servers'
    if (this.#twinsAt.filter(at => now - at < TWIN_MS).length >= TWINS) {
      return `another process is also node ${self.node}: each needs its own FLEETWIRE_NODE`
    }
    if (now - this.#streamAt >= NO_STREAM_MS) {
      const seconds = Math.floor((now - this.#streamAt) / 1000)
      return `the NATS servers can store nothing: they have had no majority for ${seconds} s`
    }
    if (this.#inactiveSince !== undefined && now - this.#inactiveSince >= NO_ACTIVE_MS) return 'no node is active'
    if (this.lagMs >= LAG_MS) return `the replica is ${Math.floor(this.lagMs / 1000)} s behind`
    if (requiresFsync && durability() !== 'fsync') {
      return 'the NATS servers are not known to sync each commit to their disks, as FLEETWIRE_NATS_REQUIRE_FSYNC asks'
    }
    return undefined
  }
}
