import type { EventLog } from '../log/event-log.ts'
import type { Beat } from './beats.ts'
import type { NodeBus } from './bus/node-bus.ts'

/** What runs on the active node alone. Both may be called again and again. */
export interface Service {
  start(): void | Promise<void>
  stop(): void | Promise<void>
}

/** The node that decides, as others know it. */
export interface ActiveNode {
  node: string
  /** Where its HTTP is reached. */
  address: string
  /** A secret of its process, known to nodes alone. */
  key: string
}

/**
 * What an acknowledged commit has gone through: it is on the disks of a majority of the servers; in their memory, and on
 * disks within minutes; or nobody tells.
 */
export type Durability = 'fsync' | 'replicated' | 'unknown'

/** This process as one of the nodes of a cluster. */
export interface ClusterNode {
  /** Its replica; what is appended goes to the node that leads. */
  readonly log: EventLog
  /** How full the log is, as of the last sweep of this node; undefined where it is not active. */
  readonly usage: { events: number; bytes: number; limitBytes: number } | undefined
  readonly node: string
  /** The secret by which this process proves to other nodes that it is one. */
  readonly key: string
  /** It leads, and its services run. */
  readonly isActive: boolean
  /** Whom this node believes to be active, itself included; undefined while nobody is, or none was heard for 3 s. */
  readonly active: ActiveNode | undefined
  /** Waits for one to be known whose services run. Resolves with undefined when the time is over. */
  whenActive(timeoutMs: number): Promise<ActiveNode | undefined>
  /** Up to where its replica has the stream. */
  readonly position: number
  /** Of the newest leader that it knows. */
  readonly term: number
  /** The nodes that were heard lately, this one included. */
  readonly members: readonly Beat[]
  readonly bus: NodeBus
  /** On a connection of its own, so that a flood of bytes holds up nothing else. */
  readonly terminalBus: NodeBus
  /** Calls back when the stream has accepted a commit of this node, with how long that took. */
  onCommitted(listener: (ms: number) => void): () => void
  /** Calls back when the active node changes, and when this node becomes it or ceases to be it, or is cut off. */
  onRole(listener: () => void): () => void
  /**
   * It reaches neither a majority of the nodes nor the servers, or its replica has failed (a full disk): nothing can be decided
   * here, and what is read may be old.
   */
  readonly isCutOff: boolean
  /** Why clients are better served by another node; undefined where they are not. */
  readonly flaw: string | undefined
  /** How long the replica has been behind others, ms. */
  readonly lagMs: number
  readonly durability: Durability
  /**
   * Resolves with true when the own replica has everything up to this `seq` of the log, and those who follow it here were
   * told; with false if that takes longer. Default: 1 s.
   */
  caughtUp(head: number, timeoutMs?: number): Promise<boolean>
}
