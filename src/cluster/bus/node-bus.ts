/** Talks to the other nodes over core NATS: stored nowhere, and never slower than the log. */
export interface NodeBus {
  readonly node: string
  /**
   * Asks one node. Rejects with NodeUnreachable where nobody answers in time (default 5 s), no such node listens, or the
   * link to it ends: then the question may have been handled all the same. Rejects with NodeFault if its handler threw.
   */
  request<Q, A>(node: string, topic: string, question: Q, options?: { timeoutMs?: number }): Promise<A>
  /** Answers questions of this topic, until the function that this returns is called. */
  answer<Q, A>(topic: string, handler: (question: Q, from: string) => A | Promise<A>): () => void
  /** An ordered stream of messages in both directions between two nodes. It ends at once where no such node listens. */
  openLink<Hello>(node: string, kind: string, hello: Hello): NodeLink
  onLink<Hello>(kind: string, listener: (link: NodeLink, hello: Hello, from: string) => void): () => void
  /** Ends all links, on both sides, and answers nothing more. */
  close(): void
}

/**
 * Numbered: a message that was lost, or silence of the peer for 3 s, ends it on both sides; nothing is ever delivered out
 * of order or past a gap. Messages of one turn of the event loop go as one.
 */
export interface NodeLink {
  /** `message` goes as JSON; `bytes` go as they are, and must not be changed later. Nothing happens after the end. */
  send(message: unknown, bytes?: Uint8Array): void
  /**
   * As `send`, for what nobody waits for and what comes many times a second: at once after a quiet time, and else together
   * with what else is sent within 10 ms, or `withinMs`.
   */
  sendSoon(message: unknown, withinMs?: number): void
  /** `bytes` are part of what arrived: copy what is kept. */
  onMessage<Message>(listener: (message: Message, bytes: Uint8Array | undefined) => void): void
  /** Called once, on both sides, also where this side ended it. */
  onEnd(listener: (reason: string) => void): void
  readonly hasEnded: boolean
  /** What was sent and the other node has not confirmed, which it does every 256 KiB and every second. */
  readonly bufferedBytes: number
  /** What was sent before arrives before. */
  end(reason: string): void
}

/** A node did not answer. Whether it handled what it was asked is not known. */
export class NodeUnreachable extends Error {
  readonly node: string

  constructor(node: string, reason: string) {
    super(`Node ${node} does not answer: ${reason}`)
    this.name = 'NodeUnreachable'
    this.node = node
  }
}

/** The handler of another node threw. */
export class NodeFault extends Error {
  readonly node: string

  constructor(node: string, message: string) {
    super(`A fault of node ${node}: ${message}`)
    this.name = 'NodeFault'
    this.node = node
  }
}
