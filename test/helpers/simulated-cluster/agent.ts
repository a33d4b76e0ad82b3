import { AgentClient, type CommandJournal, MemoryJournal, type RunMessage, type SocketEvents } from '@fleetwire/client'
import type { CommandOutcome } from '@fleetwire/protocol'
import { decodeAgentFrame, frameLines } from '@fleetwire/protocol'
import type { AgentSession } from '../../../src/agents/agent-session.ts'
import type { SimulatedCluster } from './cluster.ts'
import { HEARTBEAT_MS, type NodeProcess, type SimulatedNode } from './node.ts'
import { ProcessClock } from './time.ts'

/** How long an agent waits for the server before it gives up an attempt to connect. */
const HANDSHAKE_MS = 3000
const SILENT_MS = 2.5 * HEARTBEAT_MS

/** An SDK agent on its own machine. Its process can be killed, but its journal survives. */
export class SimulatedAgent {
  readonly id: string
  readonly runs = new Map<string, number>()
  /** Numbered reports of all its processes. */
  readonly reported: string[] = []
  /** The text appended to each message, by its id. */
  readonly said = new Map<string, string>()
  readonly #world: SimulatedCluster
  #journal: MemoryJournal = new MemoryJournal()
  #clock: ProcessClock | undefined
  #client!: AgentClient
  #messages: string[] = []
  #socket: AgentSocket | undefined

  constructor(id: string, world: SimulatedCluster) {
    this.id = id
    this.#world = world
    this.start()
  }

  start(): void {
    if (this.#clock !== undefined && !this.#clock.isDead) return
    const clock = new ProcessClock(this.#world.time)
    this.#clock = clock
    this.#messages = []
    if (this.#world.without === 'journal') this.#journal = new MemoryJournal()
    const client = new AgentClient({
      ...{ url: 'ws://fleet/agent', token: 'token', clock, random: this.#world.random.next },
      socket: (_target, events) => this.#dial(clock, events),
      ...{ maxConcurrency: 2, handshakeTimeoutMs: HANDSHAKE_MS, reconnect: { baseMs: 200, capMs: 2000 } },
      journal: this.#ofLiving(clock),
      handlers: {
        ask: async ({ commandId, signal }) => {
          if (clock.isDead) return never
          this.#began(commandId)
          const options = [{ id: 'yes', label: 'Yes', effect: 'allow' as const }]
          const interactionId = `int_${commandId}`
          const question = { interactionId, commandId, kind: 'permission' as const, title: '?', options }
          try {
            const { optionId } = await client.ask(question, { signal })
            if (clock.isDead) return never
            client.report('interaction:applied', { interactionId })
            return { status: 'succeeded', output: optionId }
          } catch {
            return { status: 'cancelled' }
          }
        },
        shell: run => {
          if (clock.isDead) return never
          this.#began(run.commandId)
          const message = run.message()
          this.said.set(message.messageId, '')
          this.#messages.push(message.messageId)
          return new Promise<CommandOutcome>(resolve => {
            const end = (outcome: CommandOutcome) => {
              resolve(outcome)
            }
            run.signal.addEventListener('abort', () => end({ status: 'cancelled' }))
            const ms = this.#world.random.pick([0, 50, 300, 3000])
            if (ms > 0) clock.setTimeout(() => run.signal.aborted || this.#say(message), ms / 2)
            clock.setTimeout(() => end({ status: 'succeeded', output: run.commandId }), ms)
          })
        },
      },
    })
    this.#client = client
    void client.start()
  }

  kill(): void {
    this.#clock?.kill()
    this.#socket?.clientGone()
    this.#socket = undefined
  }

  report(): void {
    const message = `${this.#client.bootId} ${this.reported.length}`
    this.reported.push(message)
    this.#client.report('agent:error', { message })
  }

  /** The boot id of the live process. */
  get bootId(): string {
    return this.#client.bootId
  }

  get messages(): readonly string[] {
    return this.#messages
  }

  /** Ends the agent; unsent data is discarded. */
  end(): void {
    this.kill()
  }

  #say(message: RunMessage): void {
    for (let n = this.#world.random.below(3); n >= 0; n--) {
      const sofar = this.said.get(message.messageId)!
      const piece = `${sofar.length} `
      message.append(piece)
      this.said.set(message.messageId, sofar + piece)
    }
  }

  #began(commandId: string): void {
    this.runs.set(commandId, (this.runs.get(commandId) ?? 0) + 1)
  }

  #dial(clock: ProcessClock, events: SocketEvents) {
    if (clock.isDead) return nowhere
    const node = this.#world.balance()
    const socket = new AgentSocket(this.id, node, clock, events, this.#world)
    this.#socket = socket
    return socket
  }

  /** The journal for a live process: a dead one writes nothing more. */
  #ofLiving(clock: ProcessClock): CommandJournal {
    const journal = this.#journal
    const ofLiving = <T>(change: () => Promise<T>): Promise<T> => (clock.isDead ? never : change())
    return {
      load: () => journal.load(),
      accepted: command => ofLiving(() => journal.accepted(command)),
      finished: command => ofLiving(() => journal.finished(command)),
      delivered: id => ofLiving(() => journal.delivered(id)),
      forget: id => ofLiving(() => journal.forget(id)),
    }
  }
}

const never = new Promise<never>(() => {})
const nowhere = { bufferedAmount: 0, send() {}, close() {}, drop() {} }

/** A WebSocket from an agent to a node's process. Data arrives in order, until the socket is cut. */
class AgentSocket {
  readonly bufferedAmount = 0
  readonly #clock: ProcessClock
  readonly #node: SimulatedNode
  readonly #process: NodeProcess | undefined
  readonly #events: SocketEvents
  readonly #world: SimulatedCluster
  readonly #arrivals = { server: 0, client: 0 }
  #session: AgentSession | undefined
  #isServerOpen = true
  #isClientOpen = true
  #heardAt = 0
  #wasCut = false
  readonly #processEnded = () => {
    this.#isServerOpen = false
    this.#toClient(() => this.#closed(1006, ''))
  }

  constructor(
    agentId: string,
    node: SimulatedNode,
    clock: ProcessClock,
    events: SocketEvents,
    world: SimulatedCluster,
  ) {
    this.#clock = clock
    this.#node = node
    this.#process = node.process
    this.#events = events
    this.#world = world
    if (this.#process === undefined) {
      if (!node.isHidden) this.#toClient(() => this.#closed(1006, ''))
      return
    }
    this.#process.ends.add(this.#processEnded)
    this.#toServer(() => this.#accept(agentId))
  }

  send(text: string): void {
    if (!this.#isClientOpen || this.#clock.isDead) return
    this.#toServer(() => {
      if (!this.#isServerOpen || this.#session === undefined) return
      this.#heardAt = this.#process!.clock.monotonic()
      for (const line of frameLines(text)) {
        const decoded = decodeAgentFrame(line)
        if (decoded.ok) this.#session.onFrame(decoded.frame)
        else this.#world.flaw(`an agent's frame was refused: ${decoded.message}`)
      }
    })
  }

  close(): void {
    this.clientGone()
    this.#toClient(() => this.#closed(1000, ''))
  }

  drop(): void {
    this.clientGone()
    this.#isClientOpen = false
  }

  clientGone(): void {
    this.#toServer(() => this.#serverClosed())
  }

  #accept(agentId: string): void {
    const { fleet, clock, isServing } = this.#process!
    if (!isServing) {
      this.#isServerOpen = false
      this.#process!.ends.delete(this.#processEnded)
      this.#toClient(() => this.#closed(1012, 'this node is not the active one'))
      return
    }
    this.#toClient(() => this.#events.open())
    const send = (type: string, payload: unknown) => {
      const text = JSON.stringify({ type, payload })
      if (this.#isServerOpen) this.#toClient(() => this.#events.text(text))
    }
    this.#heardAt = clock.monotonic()
    this.#session = fleet.agentSession(agentId, {
      id: `con_${agentId}`,
      send,
      error: (code, message) => send('error', { code, message, retryable: false }),
      join() {},
      close: (code, reason) => {
        if (!this.#isServerOpen) return
        this.#toClient(() => this.#closed(code, reason))
        queueMicrotask(() => this.#serverClosed())
      },
    })
    const pings = clock.setInterval(() => {
      if (!this.#isServerOpen) return pings.cancel()
      if (clock.monotonic() - this.#heardAt > SILENT_MS) return this.#serverClosed()
      this.#toClient(() => this.#events.alive())
    }, HEARTBEAT_MS)
  }

  #serverClosed(): void {
    if (!this.#isServerOpen) return
    this.#isServerOpen = false
    this.#process?.ends.delete(this.#processEnded)
    this.#session?.onClose()
  }

  #closed(code: number, reason: string): void {
    if (!this.#isClientOpen) return
    this.#isClientOpen = false
    this.#events.closed({ code, reason })
  }

  /** A lost part of a byte stream is lost with everything after it. */
  get #isCut(): boolean {
    this.#wasCut ||= this.#node.isHidden
    return this.#wasCut
  }

  #toServer(what: () => void): void {
    if (!this.#isCut) this.#process?.clock.receive(this.#way('server'), what)
  }

  #toClient(what: () => void): void {
    if (this.#isCut) return
    this.#clock.receive(this.#way('client'), () => {
      if (this.#isClientOpen) what()
    })
  }

  #way(side: 'server' | 'client'): number {
    const { time, random } = this.#world
    const at = Math.max(this.#arrivals[side], time.at + 1 + random.below(10))
    this.#arrivals[side] = at
    return at - time.at
  }
}
