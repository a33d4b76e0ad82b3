import type { Clock, Timer } from '../clock.ts'

/** `refusing`: it answers that clients should use other nodes; `silent`: it does not answer. */
export type NodeState = 'ready' | 'refusing' | 'silent'

export interface KnownNode {
  name: string
  /** `http://127.0.0.1:3001` */
  origin: string
}

interface Watched extends KnownNode {
  state: NodeState
  /** Consecutive checks that were not answered in time. */
  unanswered: number
  isAsked: boolean
}

const ASK_EVERY_MS = 500
const ANSWER_WITHIN_MS = 1000
/** A process that stalls for a moment is not dead. */
const SILENT_AFTER = 2

/** Polls `/ready` of the nodes, and chooses the node for the next client. */
export class ReadyNodes {
  readonly #clock: Clock
  readonly #onChange: (node: KnownNode, state: NodeState) => void
  readonly #nodes = new Map<string, Watched>()
  #turn = 0
  #timer: Timer | undefined

  constructor(clock: Clock, onChange: (node: KnownNode, state: NodeState) => void = () => {}) {
    this.#clock = clock
    this.#onChange = onChange
  }

  start(): void {
    this.#timer ??= this.#clock.setInterval(() => this.#askAll(), ASK_EVERY_MS)
    this.#askAll()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Adds a node, or updates its address. It gets no clients before it has answered that it is ready. */
  add(node: KnownNode): void {
    this.lost(node.name)
    const watched: Watched = { ...node, state: 'silent', unanswered: SILENT_AFTER, isAsked: false }
    this.#nodes.set(node.name, watched)
    if (this.#timer !== undefined) void this.#ask(watched)
  }

  /** The node has ended, or nothing listens at its address. */
  lost(name: string): void {
    const node = this.#nodes.get(name)
    if (node !== undefined) this.#set(node, 'silent')
  }

  stateOf(name: string): NodeState | undefined {
    return this.#nodes.get(name)?.state
  }

  /**
   * Ready nodes take turns. If none is ready, one that answers: it tells the client why it refuses and when to come
   * back. Undefined if none answers.
   */
  next(except: ReadonlySet<string> = new Set()): KnownNode | undefined {
    const left = [...this.#nodes.values()].filter(({ name }) => !except.has(name))
    for (const wanted of ['ready', 'refusing'] as const) {
      const found = left.filter(({ state }) => state === wanted)
      this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER
      if (found.length > 0) return found[this.#turn % found.length]
    }
    return undefined
  }

  #askAll(): void {
    for (const node of this.#nodes.values()) void this.#ask(node)
  }

  async #ask(node: Watched): Promise<void> {
    if (node.isAsked) return
    node.isAsked = true
    try {
      const answer = await fetch(`${node.origin}/ready`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
      await answer.body?.cancel()
      node.unanswered = 0
      this.#set(node, answer.ok ? 'ready' : 'refusing')
    } catch (error) {
      node.unanswered += 1
      const isGone = (error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED'
      if (isGone || node.unanswered >= SILENT_AFTER) this.#set(node, 'silent')
    } finally {
      node.isAsked = false
    }
  }

  #set(node: Watched, state: NodeState): void {
    if (node.state === state || this.#nodes.get(node.name) !== node) return
    node.state = state
    this.#onChange(node, state)
  }
}
