import type { Clock, Timer } from '../../clock.ts'
import { type NodeBus, NodeFault, type NodeLink, NodeUnreachable } from './node-bus.ts'

const KIND = 'requests'
const TIMEOUT_MS = 5000

interface Question {
  id: number
  topic: string
  question: unknown
}

type Answer = { id: number; answer?: unknown } | { id: number; fault: string; isUnknown?: boolean }

type Handler = (question: unknown, from: string) => unknown

interface Asked {
  node: string
  link: NodeLink
  timer: Timer
  resolve(answer: unknown): void
  reject(reason: Error): void
}

/** Questions and answers, over one link to each node: those of one turn are sent together, whatever their size. */
export class NodeRequests {
  readonly #bus: NodeBus
  readonly #clock: Clock
  readonly #links = new Map<string, NodeLink>()
  readonly #asked = new Map<number, Asked>()
  readonly #handlers = new Map<string, Handler>()
  #count = 0

  constructor(bus: NodeBus, clock: Clock) {
    this.#bus = bus
    this.#clock = clock
    bus.onLink(KIND, (link, _hello, from) => {
      link.onMessage((question: Question) => void this.#handle(link, question, from))
    })
  }

  request<A>(node: string, topic: string, question: unknown, timeoutMs = TIMEOUT_MS): Promise<A> {
    return new Promise<A>((resolve, reject) => {
      const id = ++this.#count
      const link = this.#linkTo(node)
      const timer = this.#clock.setTimeout(() => {
        this.#settle(id)?.reject(new NodeUnreachable(node, `no answer to "${topic}" within ${timeoutMs} ms`))
      }, timeoutMs)
      this.#asked.set(id, { node, link, timer, resolve: resolve as Asked['resolve'], reject })
      link.send({ id, topic, question } satisfies Question)
    })
  }

  answer<Q>(topic: string, handler: (question: Q, from: string) => unknown): () => void {
    if (this.#handlers.has(topic)) throw new Error(`The topic "${topic}" already has a handler`)
    this.#handlers.set(topic, handler as Handler)
    return () => this.#handlers.delete(topic)
  }

  #linkTo(node: string): NodeLink {
    const known = this.#links.get(node)
    if (known !== undefined) return known
    const link = this.#bus.openLink(node, KIND, null)
    this.#links.set(node, link)
    link.onMessage((answer: Answer) => this.#answered(answer))
    link.onEnd(reason => {
      if (this.#links.get(node) === link) this.#links.delete(node)
      for (const [id, asked] of [...this.#asked]) {
        if (asked.link === link) this.#settle(id)!.reject(new NodeUnreachable(node, reason))
      }
    })
    return link
  }

  async #handle(link: NodeLink, { id, topic, question }: Question, from: string): Promise<void> {
    const handler = this.#handlers.get(topic)
    if (handler === undefined) {
      link.send({ id, fault: `it does not handle the topic "${topic}"`, isUnknown: true } satisfies Answer)
      return
    }
    try {
      link.send({ id, answer: await handler(question, from) } satisfies Answer)
    } catch (fault) {
      link.send({ id, fault: fault instanceof Error ? fault.message : String(fault) } satisfies Answer)
    }
  }

  #answered(answer: Answer): void {
    const asked = this.#settle(answer.id)
    if (asked === undefined) return
    if (!('fault' in answer)) asked.resolve(answer.answer)
    else if (answer.isUnknown) asked.reject(new NodeUnreachable(asked.node, answer.fault))
    else asked.reject(new NodeFault(asked.node, answer.fault))
  }

  #settle(id: number): Asked | undefined {
    const asked = this.#asked.get(id)
    asked?.timer.cancel()
    this.#asked.delete(id)
    return asked
  }
}
