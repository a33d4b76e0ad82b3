/** Talks to the other nodes over core NATS: stored nowhere, and never slower than the log. */
export interface NodeBus {
  readonly node: string
  /** Asks one node. Rejects with a NodeUnreachable error when nobody answers in time or no such node listens. */
  request<Q, A>(node: string, topic: string, question: Q, options?: { timeoutMs?: number }): Promise<A>
  /** Answers questions of this topic. */
  answer<Q, A>(topic: string, handler: (question: Q, from: string) => A | Promise<A>): () => void
  /** An ordered stream of messages in both directions between two nodes. */
  openLink<Hello>(node: string, kind: string, hello: Hello): NodeLink
  onLink<Hello>(kind: string, listener: (link: NodeLink, hello: Hello, from: string) => void): () => void
}

/**
 * Numbered: a message that was lost, or silence of the peer for 3 s, ends it on both sides; nothing is ever delivered out
 * of order or past a gap. Messages of one turn of the event loop go as one.
 */
export interface NodeLink {
  send(message: unknown, bytes?: Uint8Array): void
  onMessage(listener: (message: unknown, bytes: Uint8Array | undefined) => void): void
  onEnd(listener: (reason: string) => void): void
  readonly bufferedBytes: number
  end(reason: string): void
}
