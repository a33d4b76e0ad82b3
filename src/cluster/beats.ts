/** What each node sends to all nodes once a second. */
export interface Beat {
  node: string
  /** Where other nodes reach it. */
  address: string
  /** A secret of its process that proves over HTTP that it is a node: only nodes receive beats. */
  key: string
  /** Distinguishes token keys without revealing them. */
  tokenKeyId?: string
  /** How far its replica has followed the stream. */
  position: number
  /** The newest term that it knows. */
  term: number
  /** It leads, and its services run or are starting. */
  isActive: boolean
  /** It is active, and its services run: it decides. */
  isServing: boolean
  /** It is about to stop and must not be counted on. */
  isLeaving: boolean
}

/** Delivers beats to all nodes that can be reached, the sender included. A beat may be lost. */
export interface Beats {
  send(beat: Beat): void
  listen(listener: (beat: Beat) => void): () => void
}
