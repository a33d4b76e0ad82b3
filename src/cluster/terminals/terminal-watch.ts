import type { AgentTerminal } from '../../terminals/agent-terminal.ts'
import type { ReflectedEnding, ReflectedTerminal } from '../../terminals/reflection.ts'
import type { AgentWatcher, TerminalHub } from '../../terminals/terminal-hub.ts'
import type { TerminalResult } from '../../terminals/terminal-upstream.ts'
import type { NodeLink } from '../bus/node-bus.ts'
import { RemoteStream } from './remote-stream.ts'
import type { FromActive, ToActive } from './terminal-messages.ts'

/** How many bytes of output may be in flight to one node: enough to fill its line without a long queue. */
const WINDOW_BYTES = 512 * 1024
/** An agent may have thousands of terminals, and the size of a message is limited. */
const MAX_DESCRIBED = 500

/**
 * The active node's end of a link to a gateway: reports on the agents that the gateway watches, sends it one copy of
 * each terminal that it reads, in turns, and passes the requests of its viewers to the hub.
 */
export class TerminalWatch {
  readonly #hub: TerminalHub
  readonly #link: NodeLink
  /** Connection ids are unique only per node. */
  readonly #node: string
  readonly #agents = new Map<string, () => void>()
  readonly #streams = new Map<number, RemoteStream>()
  /** Streams that have something to send, the next one first. */
  readonly #ready = new Set<RemoteStream>()
  readonly #viewers = new Set<string>()
  #sentBytes = 0
  #gotBytes = 0

  constructor(hub: TerminalHub, link: NodeLink, node: string) {
    this.#hub = hub
    this.#link = link
    this.#node = node
    link.onMessage((message: ToActive) => this.#receive(message))
    link.onEnd(() => this.#end())
  }

  #receive(message: ToActive): void {
    switch (message.type) {
      case 'watch':
        this.#watch(message.agentId)
        return
      case 'unwatch':
        this.#agents.get(message.agentId)?.()
        this.#agents.delete(message.agentId)
        return
      case 'read':
        this.#read(message)
        return
      case 'stop':
        this.#stop(this.#streams.get(message.stream))
        return
      case 'claim':
      case 'unclaim':
        this.#claim(message)
        return
      case 'got':
        this.#gotBytes = message.bytes
        this.#pump()
        return
      case 'input':
        this.#answer(message.ask, this.#hub.input(this.#viewer(message.viewer), message.request))
        return
      case 'resize':
        this.#answer(message.ask, this.#hub.resize(this.#viewer(message.viewer), message.request))
        return
      case 'typed':
        this.#hub.relay(message.agentId, 'terminal:input', message.input)
        return
      case 'paced': {
        const { agentId, terminalId, offset } = message
        this.#hub.relay(agentId, 'terminal:ack', { terminalId, offset })
        return
      }
      case 'held':
        this.#hub.holdSize(this.#viewer(message.viewer), message)
        return
      case 'letGo':
        this.#hub.letGo(this.#viewer(message.viewer), message)
        return
      case 'left':
        this.#leave(`${this.#node}/${message.viewer}`)
        return
      default:
        message satisfies never
    }
  }

  #watch(agentId: string): void {
    this.#agents.get(agentId)?.()
    const watcher: AgentWatcher = {
      attached: () => this.#describe(agentId),
      began: terminal => {
        for (const stream of this.#streamsOf(agentId, terminal.terminalId)) this.#stop(stream)
        this.#send({ type: 'began', agentId, terminal: describe(terminal) })
      },
      ended: terminal => {
        const { terminalId, identity } = terminal
        // The stream reports it after the last byte.
        if (this.#streamsOf(agentId, terminalId).length > 0) return
        this.#send({ type: 'ended', agentId, terminalId, mark: identity.mark, ending: endingOf(terminal) ?? {} })
      },
      taken: ({ terminalId }, offset) => this.#send({ type: 'taken', agentId, terminalId, offset }),
    }
    this.#agents.set(agentId, this.#hub.watch(agentId, watcher))
    this.#describe(agentId)
  }

  #describe(agentId: string): void {
    const { isKnown, terminals } = this.#hub.terminalsOf(agentId)
    for (const stream of [...this.#streams.values()]) {
      const { terminal } = stream
      if (terminal.agentId === agentId && !terminals.includes(terminal)) this.#stop(stream)
    }
    const described = terminals.map(describe)
    do {
      const part = described.splice(0, MAX_DESCRIBED)
      this.#send({ type: 'agent', agentId, isKnown, terminals: part, isPart: described.length > 0 })
    } while (described.length > 0)
  }

  #read({ stream: id, agentId, terminalId, mark, from }: ToActive & { type: 'read' }): void {
    const terminal = this.#hub.terminalsOf(agentId).terminals.find(each => each.terminalId === terminalId)
    if (terminal?.identity.mark !== mark) {
      this.#send({ type: 'gone', stream: id })
      return
    }
    this.#send({ type: 'reading', stream: id, until: terminal.end })
    const stream = new RemoteStream(id, terminal, from, ready => this.#wake(ready))
    this.#streams.set(id, stream)
    this.#wake(stream)
  }

  #claim({ type, stream: id }: ToActive & { type: 'claim' | 'unclaim' }): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) this.#send({ type: 'granted', stream: id })
    else if (type === 'unclaim') this.#send({ type: 'granted', stream: id, to: stream.unclaim() })
    else {
      const from = stream.claim()
      this.#send({ type: 'granted', stream: id, ...(from !== undefined && { from }) })
    }
  }

  #wake(stream: RemoteStream): void {
    this.#ready.add(stream)
    this.#pump()
  }

  /** Sends one piece of each stream in turns, so that a flood of one delays no other. */
  #pump(): void {
    while (this.#sentBytes - this.#gotBytes < WINDOW_BYTES) {
      const [stream] = this.#ready
      if (stream === undefined) return
      this.#ready.delete(stream)
      const piece = stream.next()
      if (piece === undefined) continue
      this.#ready.add(stream)
      const { id, terminal } = stream
      switch (piece.kind) {
        case 'output':
          this.#sentBytes += piece.bytes.length
          this.#send({ type: 'output', stream: id, offset: piece.offset }, piece.bytes)
          break
        case 'size':
          this.#send({ type: 'size', stream: id, cols: piece.cols, rows: piece.rows })
          break
        case 'end':
          this.#send({ type: 'end', stream: id, ending: endingOf(terminal) ?? {} })
          break
        default:
          piece satisfies never
      }
    }
  }

  #streamsOf(agentId: string, terminalId: string): RemoteStream[] {
    return [...this.#streams.values()].filter(
      ({ terminal }) => terminal.agentId === agentId && terminal.terminalId === terminalId,
    )
  }

  #stop(stream: RemoteStream | undefined): void {
    if (stream === undefined) return
    stream.close()
    this.#streams.delete(stream.id)
    this.#ready.delete(stream)
  }

  #answer(ask: number, result: TerminalResult | Promise<TerminalResult>): void {
    void Promise.resolve(result).then(settled => this.#send({ type: 'answer', ask, result: settled }))
  }

  /** A viewer at the gateway; the hub itself sends it nothing. */
  #viewer(viewer: string): { id: string; send(): void } {
    const id = `${this.#node}/${viewer}`
    this.#viewers.add(id)
    return { id, send() {} }
  }

  #leave(id: string): void {
    this.#viewers.delete(id)
    this.#hub.leave({ id })
  }

  #send(message: FromActive, bytes?: Uint8Array): void {
    this.#link.send(message, bytes)
  }

  #end(): void {
    for (const unwatch of this.#agents.values()) unwatch()
    for (const stream of [...this.#streams.values()]) this.#stop(stream)
    for (const id of [...this.#viewers]) this.#leave(id)
  }
}

function describe(terminal: AgentTerminal): ReflectedTerminal {
  const { terminalId, identity, position, isLocal, timeline } = terminal
  const { cols, rows } = timeline.firstSize
  const ending = endingOf(terminal)
  return { terminalId, identity, position, isLocal, cols, rows, ...(ending && { ending }) }
}

function endingOf({ ending, isVanished }: AgentTerminal): ReflectedEnding | undefined {
  return isVanished ? 'vanished' : ending
}
