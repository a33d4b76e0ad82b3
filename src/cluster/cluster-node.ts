import type { EventLog } from '../log/event-log.ts'
import type { Beat } from './beats.ts'
import type { NodeBus } from './bus/node-bus.ts'

/** What runs on the active node only. Both methods may be called repeatedly. */
export interface Service {
  start(): void | Promise<void>
  stop(): void | Promise<void>
}

/** The active node, as the other nodes know it. */
export interface ActiveNode {
  node: string
  /** Where its HTTP server is reached. */
  address: string
  /** A secret of its process, known only to nodes. */
  key: string
}

/**
 * How durable an acknowledged commit is: on the disks of a majority of the servers; in their memory, and on disk within
 * minutes; or unknown.
 */
export type Durability = 'fsync' | 'replicated' | 'unknown'

/** This process as one of the nodes of a cluster. */
export interface ClusterNode {
  /** Its replica; appends go to the leader. */
  readonly log: EventLog
  /** How full the log was at the last sweep of this node; undefined unless it is active. */
  readonly usage: { events: number; bytes: number; limitBytes: number } | undefined
  readonly node: string
  /** The secret with which this process proves to other nodes that it is a node. */
  readonly key: string
  /** It leads, and its services run. */
  readonly isActive: boolean
  /** The node that this node believes is active, possibly itself; undefined while none is known or heard for 3 s. */
  readonly active: ActiveNode | undefined
  /** Waits until an active node is known. Resolves with undefined on timeout. */
  whenActive(timeoutMs: number): Promise<ActiveNode | undefined>
  /** How far its replica has followed the stream. */
  readonly position: number
  /** The newest term that it knows. */
  readonly term: number
  /** The nodes that were heard recently, this one included. */
  readonly members: readonly Beat[]
  readonly bus: NodeBus
  /** On a separate connection, so that a flood of bytes delays nothing else. */
  readonly terminalBus: NodeBus
  /** Calls back when the stream has accepted a commit of this node, with the time that took. */
  onCommitted(listener: (ms: number) => void): () => void
  /** Calls back when the active node changes, when this node starts or stops being active, or when it is cut off. */
  onRole(listener: () => void): () => void
  /**
   * This node reaches neither a majority of the nodes nor the servers, or its replica has failed (a full disk): it can
   * decide nothing, and what is read here may be stale.
   */
  readonly isCutOff: boolean
  /** Why clients should use another node; undefined if they need not. */
  readonly flaw: string | undefined
  /** How long the replica has been behind the others, ms. */
  readonly lagMs: number
  readonly durability: Durability
  /**
   * Resolves with true once the replica has everything up to this `seq` of the log and its followers here were
   * notified; with false on timeout. Default: 1 s.
   */
  caughtUp(head: number, timeoutMs?: number): Promise<boolean>
}
