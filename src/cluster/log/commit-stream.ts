import type { CheckpointStore } from './checkpoint-store.ts'

/**
 * The replicated order of commits: all that cluster mode asks of an engine. `nats-commit-stream.ts` is the one for NATS
 * JetStream; simulations use one in memory (test/helpers/memory-commit-stream.ts). Both pass test/contract/commit-stream.ts.
 *
 * Positions are dense: each message stands exactly one behind the message before it. That is the fence. A message is
 * accepted only directly behind the message that its writer knows as the last, so of two that believe to be the only
 * writer, one is refused, whatever clocks and connections say.
 */
export interface CommitStream {
  readonly checkpoints: CheckpointStore
  /** Names this history. A stream that is made anew has another one. */
  readonly epoch: string
  /** The most bytes of data that one message carries. */
  readonly maxPartBytes: number
  /** Appends a message if the last one stands at `expected`; 0: if there is none. Never rejects. */
  append(part: Part, expected: number): Promise<Appended>
  /**
   * The positions of the oldest message kept and of the last one; `first` is `last + 1` where none is kept, and undefined
   * where nobody who knows answers. Both may be those of a moment ago.
   */
  bounds(): Promise<Bounds>
  /** What the one who accepts messages knows of itself. Rejects where nobody who knows answers. */
  reach(): Promise<Reach>
  /**
   * Some of the messages behind `after`, up to `upTo`, in order and without a gap; none where the one asked may not have
   * them yet. Never a message that can still be lost.
   */
  read(after: number, upTo: number): Promise<readonly StoredPart[]>
  /** Tells of messages as they are stored. It may leave some out, and tell of one twice: `read` has them all. */
  listen(listener: (part: StoredPart) => void): () => void
  /** Removes messages up to this position. */
  trim(upTo: number): Promise<void>
  close(): Promise<void>
}

/** One message. A commit is one, or several that follow each other where it is larger than a message may be. */
export interface Part {
  /** Names the commit: no other has the same. */
  readonly commitId: string
  /** Its place among the parts of its commit, from 0. */
  readonly part: number
  readonly parts: number
  readonly data: Uint8Array
}

export interface StoredPart extends Part {
  readonly position: number
}

export interface Reach {
  /** How long ago those who can accept a message were in touch with each other, ms. */
  agoMs: number
  /** The position of the last message that was accepted until then, or a later one. */
  last: number
}

export interface Bounds {
  first: number | undefined
  last: number
}

export type Appended =
  | { status: 'accepted'; position: number }
  /** Another message stood last when it was judged, which may be an earlier attempt of the same. */
  | { status: 'refused' }
  /** Nobody answered: it may be stored, now or later. */
  | { status: 'unknown'; reason: string }
