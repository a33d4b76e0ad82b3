/** Communicates with the other nodes over core NATS: never stored, and never slower than the log. */
export interface NodeBus {
  readonly node: string
  /**
   * Sends a question to one node. Rejects with NodeUnreachable if there is no answer in time (default 5 s), no such
   * node listens, or the link to it ends; the question may still have been handled. Rejects with NodeFault if its
   * handler threw.
   */
  request<Q, A>(node: string, topic: string, question: Q, options?: { timeoutMs?: number }): Promise<A>
  /** Answers questions of this topic until the returned function is called. */
  answer<Q, A>(topic: string, handler: (question: Q, from: string) => A | Promise<A>): () => void
  /**
   * Opens an ordered stream of messages in both directions between two nodes. It ends at once if no such node is listening.
   */
  openLink<Hello>(node: string, kind: string, hello: Hello): NodeLink
  onLink<Hello>(kind: string, listener: (link: NodeLink, hello: Hello, from: string) => void): () => void
  /** Ends all links on both sides, and answers nothing more. */
  close(): void
}

/**
 * Packets are numbered. A lost packet, or 3 s of silence from the peer, ends the link on both sides; nothing is ever
 * delivered out of order or past a gap. Messages of one turn of the event loop are sent together.
 */
export interface NodeLink {
  /** `message` is sent as JSON, `bytes` unchanged; they must not be modified later. Has no effect after the end. */
  send(message: unknown, bytes?: Uint8Array): void
  /**
   * Like `send`, for frequent messages that nobody waits for: sent at once after a quiet period, otherwise together
   * with what else is sent within 10 ms, or `withinMs`.
   */
  sendSoon(message: unknown, withinMs?: number): void
  /** `bytes` is a view of the packet that arrived: copy what is to be kept. */
  onMessage<Message>(listener: (message: Message, bytes: Uint8Array | undefined) => void): void
  /** Called once, on both sides, including the side that ended it. */
  onEnd(listener: (reason: string) => void): void
  readonly hasEnded: boolean
  /** Bytes that were sent and that the peer has not confirmed. It confirms every 256 KiB and every second. */
  readonly bufferedBytes: number
  /** Messages that were sent before the end still arrive. */
  end(reason: string): void
}

/** A node did not answer. Whether it handled the question is not known. */
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
