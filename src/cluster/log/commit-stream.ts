import type { CheckpointStore } from './checkpoint-store.ts'

/**
 * The replicated order of commits: all that cluster mode needs from an engine. `nats-commit-stream.ts` implements it on
 * NATS JetStream; simulations use one in memory (test/helpers/memory-commit-stream.ts). Both pass
 * test/contract/commit-stream.ts.
 *
 * Positions are dense: the position of each message is one higher than that of the message before it. That is the
 * fence. A message is accepted only directly after the message that its writer knows as the last. So of two nodes that
 * both believe to be the only writer, one is refused, whatever clocks and connections say.
 */
export interface CommitStream {
  readonly checkpoints: CheckpointStore
  /** Identifies this history. A stream that is recreated has another one. */
  readonly epoch: string
  /** The most bytes of data that one message carries. */
  readonly maxPartBytes: number
  /** Appends a message if the last one is at `expected`; 0: if there is none. Never rejects. */
  append(part: Part, expected: number): Promise<Appended>
  /**
   * The positions of the oldest kept message and of the last one. `first` is `last + 1` if none is kept, and undefined
   * if no authoritative server answers. Both may be a moment out of date.
   */
  bounds(): Promise<Bounds>
  /** When the stream's leader last reached a majority. Rejects if no authoritative server answers. */
  reach(): Promise<Reach>
  /**
   * Some of the messages after `after`, up to `upTo`, in order and without a gap; none if the server that was asked may
   * not have them yet. Never a message that can still be lost.
   */
  read(after: number, upTo: number): Promise<readonly StoredPart[]>
  /** Reports messages as they are stored. It may skip some, and report one twice: `read` returns them all. */
  listen(listener: (part: StoredPart) => void): () => void
  /** Removes messages up to this position. */
  trim(upTo: number): Promise<void>
  close(): Promise<void>
}

/** One message. A commit is one message, or several consecutive ones if it is larger than a message may be. */
export interface Part {
  /** Identifies the commit: no other has the same. */
  readonly commitId: string
  /** Its index among the parts of its commit, from 0. */
  readonly part: number
  readonly parts: number
  readonly data: Uint8Array
}

export interface StoredPart extends Part {
  readonly position: number
}

export interface Reach {
  /** How long ago a majority of the servers was last in contact, ms. */
  agoMs: number
  /** The position of the last message that was accepted by then, or a later one. */
  last: number
}

export interface Bounds {
  first: number | undefined
  last: number
}

export type Appended =
  | { status: 'accepted'; position: number }
  /** Another message was the last at that moment, possibly an earlier attempt of the same one. */
  | { status: 'refused' }
  /** No answer: it may be stored, now or later. */
  | { status: 'unknown'; reason: string }
