import type { AgentFrame, AgentServerFrameType, AgentServerPayloads, CloseCode, ErrorCode } from '@fleetwire/protocol'
import type { AgentConnection, AgentInput, OpenSession } from '../agents/agent-connection.ts'
import { MARKS, type Place, type RelayedSocket, type ToGateway } from './agent-messages.ts'
import type { NodeLink } from './node-bus.ts'

/** Of the output that came before what it belongs to: more is left out, and asked for again. */
const MOST_EARLY = 1000

type Held = { frame: AgentFrame; place: Place | undefined } | { refused: number }

/** An agent whose socket another node holds, as its session sees it: a connection like any other. */
export class RelayedAgent implements AgentConnection, AgentInput {
  readonly id: string
  readonly tokenExpiresAt?: number
  readonly #number: number
  readonly #link: NodeLink
  readonly #session: AgentInput
  /** Wait for output that was sent before. */
  #held: Held[] = []
  /** Wait for what was sent before, each with how many marks that were. */
  #early: { marks: number; frame: AgentFrame }[] = []
  #marks = 0
  #generation = 0
  #outputs = 0
  /** Of links of output up to this generation nothing more comes. */
  #mute = 0
  #isOver = false

  constructor(number: number, link: NodeLink, about: RelayedSocket, session: OpenSession) {
    this.#number = number
    this.#link = link
    this.id = about.connectionId
    if (about.tokenExpiresAt !== undefined) this.tokenExpiresAt = about.tokenExpiresAt
    this.#session = session(about.agentId, this, about.waitedMs)
  }

  send<K extends AgentServerFrameType>(type: K, payload: AgentServerPayloads[K]): void {
    this.#say(['send', this.#number, type, payload] as ToGateway)
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

  onFrame(frame: AgentFrame, place?: Place): void {
    if (this.#isOver) return
    if (this.#held.length > 0 || !this.#isTurn(place)) this.#held.push({ frame, place })
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

  onOutput(marks: number, frame: AgentFrame, generation: number): void {
    if (this.#isOver) return
    if (generation !== this.#generation) {
      this.#generation = generation
      this.#outputs = 0
    }
    if (marks > this.#marks || this.#early.length > 0) {
      if (this.#early.length < MOST_EARLY) this.#early.push({ marks, frame })
      else this.#outputs++
    } else this.#output(frame)
    this.#goOn()
  }

  /** The link of output of this generation brings nothing more. */
  onMute(generation: number): void {
    this.#mute = Math.max(this.#mute, generation)
    this.#goOn()
  }

  /** The socket is gone. */
  onClose(): void {
    this.#end()
    this.#session.onClose()
  }

  /** Its session has not ended it. */
  get isOpen(): boolean {
    return !this.#isOver
  }

  /** It was told to come back, and counts as connected until the caller says that the socket is gone. */
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
      } else if (held !== undefined && ('refused' in held || this.#isTurn(held.place))) {
        this.#held.shift()
        if ('refused' in held) this.#session.onRefused(held.refused)
        else this.#take(held.frame)
      } else return
    }
  }

  #isTurn(place: Place | undefined): boolean {
    if (place === undefined || place.generation <= this.#mute) return true
    if (place.generation !== this.#generation) return place.outputs === 0 || place.generation < this.#generation
    return place.outputs <= this.#outputs
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
