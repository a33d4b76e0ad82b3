import type { AgentFrame, AgentServerFrameType, AgentServerPayloads, CloseCode, ErrorCode } from '@fleetwire/protocol'
import type { AgentConnection, AgentInput, OpenSession } from '../../agents/agent-connection.ts'
import type { NodeLink } from '../bus/node-bus.ts'
import { MARKS, type RelayedSocket, type ToGateway } from './agent-messages.ts'

/** An agent does not wait for confirmations: it only keeps unconfirmed frames for longer. */
const CONFIRM_MS = 20

type Held = { frame: AgentFrame; outputs: number } | { refused: number }

/** An agent whose socket another node holds. To its session it is a connection like any other. */
export class RelayedAgent implements AgentConnection, AgentInput {
  readonly id: string
  readonly tokenExpiresAt?: number
  readonly #number: number
  readonly #link: NodeLink
  readonly #session: AgentInput
  /** Frames that wait for output that was sent before them. */
  #held: Held[] = []
  /** Output that waits for frames that were sent before it; `marks` says how many. */
  #early: { marks: number; frame: AgentFrame }[] = []
  #marks = 0
  #outputs = 0
  #isOver = false

  constructor(number: number, link: NodeLink, about: RelayedSocket, session: OpenSession) {
    this.#number = number
    this.#link = link
    this.id = about.connectionId
    if (about.tokenExpiresAt !== undefined) this.tokenExpiresAt = about.tokenExpiresAt
    this.#session = session(about.agentId, this, about.waitedMs)
  }

  send<K extends AgentServerFrameType>(type: K, payload: AgentServerPayloads[K]): void {
    const message = ['send', this.#number, type, payload] as ToGateway
    if (type !== 'report:ack') this.#say(message)
    else if (!this.#isOver) this.#link.sendSoon(message, CONFIRM_MS)
  }

  join(): void {
    this.#say(['join', this.#number])
  }

  error(code: ErrorCode, message: string, about?: { id?: string; details?: unknown }): void {
    this.#say(['error', this.#number, code, message, about])
  }

  close(code: CloseCode, reason: string, options?: { reconnectAfterMs?: number }): void {
    this.#say(['close', this.#number, code, reason, options])
    this.#end()
  }

  /** `outputs`: how many frames of output were sent before it. */
  onFrame(frame: AgentFrame, outputs = 0): void {
    if (this.#isOver) return
    if (this.#held.length > 0 || outputs > this.#outputs) this.#held.push({ frame, outputs })
    else {
      this.#take(frame)
      if (this.#early.length > 0) this.#goOn()
    }
  }

  onRefused(n: number): void {
    if (this.#isOver) return
    if (this.#held.length > 0) this.#held.push({ refused: n })
    else this.#session.onRefused(n)
  }

  /** `marks`: how many frames of a MARKS type were sent before it. */
  onOutput(marks: number, frame: AgentFrame): void {
    if (this.#isOver) return
    if (marks > this.#marks || this.#early.length > 0) this.#early.push({ marks, frame })
    else {
      this.#output(frame)
      if (this.#held.length > 0) this.#goOn()
    }
  }

  /** The socket is gone. */
  onClose(): void {
    this.#end()
    this.#session.onClose()
  }

  /** Its session has not closed it. */
  get isOpen(): boolean {
    return !this.#isOver
  }

  /** The agent was told to reconnect. It counts as connected until the caller calls `onClose`. */
  onMove(): void {
    this.#end()
  }

  #say(message: ToGateway): void {
    if (!this.#isOver) this.#link.send(message)
  }

  #end(): void {
    this.#isOver = true
    this.#held = []
    this.#early = []
  }

  #goOn(): void {
    for (;;) {
      const early = this.#early[0]
      const held = this.#held[0]
      if (early !== undefined && early.marks <= this.#marks) {
        this.#early.shift()
        this.#output(early.frame)
      } else if (held !== undefined && ('refused' in held || held.outputs <= this.#outputs)) {
        this.#held.shift()
        if ('refused' in held) this.#session.onRefused(held.refused)
        else this.#take(held.frame)
      } else return
    }
  }

  #take(frame: AgentFrame): void {
    if (MARKS.has(frame.type)) this.#marks++
    this.#session.onFrame(frame)
  }

  #output(frame: AgentFrame): void {
    this.#outputs++
    this.#session.onFrame(frame)
  }
}
