/** What each node tells all nodes once a second. */
export interface Beat {
  node: string
  /** Where other nodes reach it. */
  address: string
  /** A secret of its process, by which it proves over HTTP that it is a node: only nodes hear beats. */
  key: string
  /** Tells keys of tokens apart, and tells nothing of them. */
  tokenKeyId?: string
  /** Up to where its replica has the stream. */
  position: number
  /** Of the newest leader that it knows. */
  term: number
  /** It leads, and its services run or are being started. */
  isActive: boolean
  /** It is active, and its services run: it decides. */
  isServing: boolean
  /** It is about to end: it must not be counted on. */
  isLeaving: boolean
}

/** Brings beats to all nodes that can be reached, the sender included. A beat may be lost. */
export interface Beats {
  send(beat: Beat): void
  listen(listener: (beat: Beat) => void): () => void
}
