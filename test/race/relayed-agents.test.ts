import { AgentClient, MemoryJournal, type SocketEvents, type SocketFactory } from '@fleetwire/client'
import { type Command, decodeAgentFrame, frameLines, isFinal } from '@fleetwire/protocol'
import t from 'tap'
import type { AgentInput, AgentSocket } from '../../src/agents/agent-connection.ts'
import type { Timer } from '../../src/clock.ts'
import { createFleet } from '../../src/fleet.ts'
import type { EventLog, FleetEvent } from '../../src/log/event-log.ts'
import { OpenMessages } from '../../src/sessions/open-messages.ts'
import { fleetSettings, noTerminals, noWebhooks } from '../helpers/fleet.ts'
import { MemoryLog } from '../helpers/memory-log.ts'
import { RelayStage, type StagedNode } from '../helpers/relay-stage.ts'
import { size } from '../helpers/sizes.ts'

/*
 * The real client, gateways and session. Agents connect to any of three nodes. According to a seed, the links to the
 * active node lose packets and are cut, and nodes die, hand over and return. One log represents all replicas. To run
 * more: RELAY_SIM_SEEDS=5000 node dist/test/race/relayed-agents.test.js
 */
const SEEDS = size('RELAY_SIM_SEEDS', { quick: 10, full: 500 })
const AGENTS = ['a1', 'a2', 'a3']
const NODES = ['n1', 'n2', 'n3']
const STEPS = 80
const MOST_SHOWN = 5
/** Situations that must occur, or the simulation proves nothing about them. */
const MET = ['killed the active', 'killed a gateway', 'handed over', 'cut off', 'took over', 'came back', 'succeeded']

/** A process's access to the log: pending appends of a dead process are not written. */
function logOf(log: MemoryLog, world: Simulation, life: { isDead: boolean }): EventLog {
  return new Proxy(log, {
    get(target, key) {
      const value = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      if (key === 'follow') {
        return (onBatch: (events: readonly FleetEvent[]) => void) =>
          target.follow(events => life.isDead || onBatch(events))
      }
      if (key !== 'append') return value.bind(target)
      return async (drafts: Parameters<EventLog['append']>[0]) => {
        await world.stage.moment(10)
        if (life.isDead) return new Promise(() => {})
        return target.append(drafts)
      }
    },
  })
}

interface Node {
  staged: StagedNode
  fleet: ReturnType<typeof createFleet>
  openMessages: OpenMessages
  life: { isDead: boolean }
  sockets: Set<Socket>
}

/** The connection between an agent and its gateway: ordered, with a delay in each direction. */
class Socket implements AgentSocket {
  readonly id: string
  readonly node: Node
  readonly #world: Simulation
  readonly #events: SocketEvents
  readonly #input: AgentInput
  readonly #arrivals = { up: 0, down: 0 }
  /** The agent's end is open. */
  #isUsed = true
  /** The gateway's end is open and reads. */
  #isRead = true
  #isHeld = true

  constructor(id: string, agentId: string, node: Node, world: Simulation, events: SocketEvents) {
    this.id = id
    this.node = node
    this.#world = world
    this.#events = events
    this.#input = node.staged.relay.open(agentId, this)
    node.sockets.add(this)
  }

  send(type: string, payload: unknown): void {
    const text = JSON.stringify({ type, payload })
    this.#down(() => this.#events.text(text))
  }

  pause(): void {}

  resume(): void {}

  join(): void {}

  error(code: string, message: string, about: { id?: string; details?: unknown } = {}): void {
    this.#world.met.add(code)
    this.send('error', { code, message, retryable: false, ...about })
  }

  close(code: number, reason: string, options: { reconnectAfterMs?: number } = {}): void {
    if (!this.#isRead) return
    if (code === 4409) this.#world.met.add('took over')
    this.send('connection:closing', { code, reason, ...options })
    this.#isRead = false
    this.#down(() => this.drop(code, reason))
    this.#later('up', 20, () => this.#gone(code))
  }

  /** From the agent. */
  give(text: string): void {
    this.#later('up', 10, () => {
      for (const line of frameLines(text)) {
        if (!this.#isRead || this.node.life.isDead) return
        const decoded = decodeAgentFrame(line)
        if (!decoded.ok) throw new Error(decoded.message)
        this.#input.onFrame(decoded.frame)
      }
    })
  }

  /** Closes the agent's end. The gateway learns of it `lateMs` later, after the frames in transit. */
  drop(code: number, reason: string, lateMs = 5): void {
    if (!this.#isUsed) return
    this.#isUsed = false
    this.#events.closed({ code, reason })
    this.#later('up', lateMs, () => this.#gone(1006))
  }

  /** The gateway has died. */
  die(): void {
    this.#isHeld = false
    if (!this.#isUsed) return
    this.#isUsed = false
    this.#events.closed({ code: 1006, reason: '' })
  }

  #gone(code: number): void {
    this.#isRead = false
    if (!this.#isHeld || this.node.life.isDead) return
    this.#isHeld = false
    this.node.sockets.delete(this)
    this.#input.onClose(code)
  }

  #down(callback: () => void): void {
    this.#later('down', 10, () => this.#isUsed && callback())
  }

  #later(way: 'up' | 'down', mostMs: number, callback: () => void): void {
    const { clock, random } = this.#world.stage
    const at = Math.max(this.#arrivals[way], clock.monotonic() + random.below(mostMs))
    this.#arrivals[way] = at
    clock.setTimeout(callback, at - clock.monotonic())
  }
}

class Simulation {
  readonly stage: RelayStage
  readonly log: MemoryLog
  readonly met = new Set<string>()
  readonly faults: unknown[] = []
  readonly events: FleetEvent[] = []
  readonly #ends = new Map<string, Command[]>()
  readonly #runs = new Map<string, number>()
  readonly #accepted: string[] = []
  readonly #reported: string[] = []
  readonly #nodes = new Map<string, Node>()
  readonly #agents = new Map<string, AgentClient>()
  #active: Node | undefined
  #announced: string | undefined
  #sockets = 0
  #beats: Timer | undefined

  constructor(seed: number) {
    this.stage = new RelayStage(seed, { delayMs: 15, lost: seed % 3 === 0 ? 0.002 : 0 })
    this.log = new MemoryLog({ clock: this.stage.clock })
    this.log.follow(events => {
      this.events.push(...events)
      for (const { type, payload } of events) {
        if (!type.startsWith('command:')) continue
        const command = payload as Command
        if (type !== `command:${command.status}` || !isFinal(command.status)) continue
        this.met.add(command.status)
        this.#ends.set(command.commandId, [...(this.#ends.get(command.commandId) ?? []), command])
      }
    })
  }

  async start(): Promise<void> {
    for (const name of NODES) await this.#startNode(name)
    for (const agentId of AGENTS) this.#startAgent(agentId)
    this.#elect('n1')
    this.#beats = this.stage.clock.setInterval(() => this.#beat(), 1000)
  }

  async #startNode(name: string): Promise<void> {
    const life = { isDead: false }
    const { clock } = this.stage
    const log = logOf(this.log, this, life)
    const openMessages = new OpenMessages({ log })
    await openMessages.start()
    const fleet = createFleet({
      ...{ log, clock, openMessages, terminals: noTerminals, webhooks: noWebhooks },
      settings: { ...fleetSettings, limits: { maxFrameBytes: 262_144, frameRate: 10_000, frameBurst: 20_000 } },
      onFault: error => life.isDead || this.faults.push(error),
    })
    const staged = this.stage.node(name, fleet.agentSession)
    this.#nodes.set(name, { staged, fleet, openMessages, life, sockets: new Set() })
  }

  /** Makes this node active. The other nodes learn of it with the next beats. */
  #elect(name: string): void {
    const node = this.#nodes.get(name)!
    this.#active = node
    void node.fleet.start().then(() => {
      if (this.#active !== node || node.life.isDead) return
      this.#announced = name
      node.staged.learn(name)
    })
  }

  /** Simulates the beat that the active node sends once a second. Each node receives it after a delay. */
  #beat(): void {
    const { clock, random } = this.stage
    const active = this.#announced
    for (const { staged, life } of this.#nodes.values()) {
      if (life.isDead || staged.node === active) continue
      clock.setTimeout(() => {
        if (!life.isDead && staged.node !== this.#announced) staged.learn(active)
      }, random.below(500))
    }
  }

  #startAgent(agentId: string): void {
    const { clock, random } = this.stage
    const factory: SocketFactory = (_target, events) => {
      const node = random.pick([...this.#nodes.values()].filter(({ life }) => !life.isDead))
      let socket: Socket | undefined
      if (random.next() < 0.05) clock.setTimeout(() => events.closed({ code: 1006, reason: '' }), random.below(50))
      else {
        socket = new Socket(`con_${++this.#sockets}`, agentId, node, this, events)
        clock.setTimeout(() => events.open(), 5)
      }
      return {
        bufferedAmount: 0,
        send: text => socket?.give(text),
        close: (code, reason) => socket?.drop(code, reason),
        drop: () => socket?.drop(1006, ''),
      }
    }
    const client = new AgentClient({
      ...{ url: 'ws://fleet/agent', token: 'token', clock, random: random.next, socket: factory },
      ...{ maxConcurrency: 3, journal: new MemoryJournal() },
      handlers: {
        shell: async ({ commandId }) => {
          this.#runs.set(commandId, (this.#runs.get(commandId) ?? 0) + 1)
          await this.stage.moment(5000)
          return { status: 'succeeded', output: commandId }
        },
      },
    })
    this.#agents.set(agentId, client)
    let wasOnline = false
    client.status.subscribe(() => {
      const { state } = client.status.value
      if (state === 'stopped') this.faults.push(`${agentId} was stopped: ${JSON.stringify(client.status.value)}`)
      if (state === 'online' && wasOnline) this.met.add('came back')
      wasOnline ||= state === 'online'
    })
    void client.start()
  }

  #submit(): void {
    const agentId = this.stage.random.pick(AGENTS)
    void this.#active?.fleet.commandQueue
      .submit({ agentId, kind: 'shell', input: 'x', createdBy: 'sim' })
      .then(result => {
        if (result.status === 'accepted') this.#accepted.push(result.command.commandId)
      })
  }

  #report(): void {
    const agentId = this.stage.random.pick(AGENTS)
    const message = `${agentId} ${this.#reported.length}`
    this.#reported.push(message)
    this.#agents.get(agentId)!.report('agent:error', { message })
  }

  /** Kills the node, and starts it again as another process. */
  async #kill(name: string): Promise<void> {
    const node = this.#nodes.get(name)!
    const wasActive = node === this.#active
    this.met.add(wasActive ? 'killed the active' : 'killed a gateway')
    node.life.isDead = true
    node.staged.kill()
    for (const socket of node.sockets) socket.die()
    void node.fleet.stop()
    node.openMessages.stop()
    node.staged.relay.stop()
    await this.#startNode(name)
    if (!wasActive) return
    this.#active = undefined
    await this.stage.pass(3000)
    this.#announced = undefined
    this.#elect(this.stage.random.pick(NODES))
  }

  async #handOver(): Promise<void> {
    const node = this.#active
    if (node === undefined) return
    this.met.add('handed over')
    this.#active = this.#announced = undefined
    node.staged.learn(undefined)
    await this.#done(node.fleet.stop())
    this.#elect(this.stage.random.pick(NODES))
  }

  async #done(change: Promise<void>): Promise<void> {
    let isDone = false
    void change.finally(() => {
      isDone = true
    })
    await this.stage.until(() => isDone)
  }

  async step(): Promise<void> {
    const { random, pass } = this.stage
    const roll = random.below(100)
    if (roll < 25) this.#submit()
    else if (roll < 45) this.#report()
    else if (roll < 65) await pass(random.pick([5, 50, 500, 2000]))
    else if (roll < 85) {
      const socket = random.pick([...this.#nodes.values()].flatMap(({ sockets }) => [...sockets]).concat([]))
      socket?.drop(1006, '', random.pick([5, 4000]))
    } else if (roll < 90) {
      const { wires } = random.pick([...this.#nodes.values()]).staged
      const wire = random.pick(wires)
      this.met.add('cut off')
      wire.isCut = true
      this.stage.clock.setTimeout(() => {
        wire.isCut = false
      }, random.below(6000))
    } else if (roll < 95) await this.#kill(random.pick(NODES))
    else if (roll < 98) await this.#handOver()
    else for (let n = 0; n < 20; n++) this.#report()
    await pass(random.below(30))
  }

  /** The script does nothing more, so everything must finish. */
  async rest(): Promise<boolean> {
    for (let n = 0; n < 200; n++) {
      await this.stage.pass(1000)
      if (this.#open().length === 0 && this.#missing().length === 0) return true
    }
    return false
  }

  #open = () => this.#accepted.filter(id => !this.#ends.has(id))

  #stored = () =>
    this.events
      .filter(({ type }) => type === 'agent:error')
      .map(({ payload }) => (payload as { message: string }).message)

  #missing(): string[] {
    const stored = new Set(this.#stored())
    return this.#reported.filter(message => !stored.has(message))
  }

  flaws(): string[] {
    const flaws = [...this.faults, ...this.stage.faults].map(fault => `fault: ${fault}`)
    for (const id of this.#open()) flaws.push(`${id} did not end`)
    for (const [id, ends] of this.#ends) {
      if (ends.length > 1) flaws.push(`${id} ended ${ends.length} times`)
      const runs = this.#runs.get(id) ?? 0
      if (runs > 1) flaws.push(`${id} ran ${runs} times`)
      if (ends[0]!.status === 'succeeded' && runs === 0) flaws.push(`${id} succeeded without having run`)
    }
    if (this.#missing().length > 0) flaws.push(`reports were lost: ${this.#missing()}`)
    for (const agentId of AGENTS) {
      const stored = this.#stored().filter(message => message.startsWith(`${agentId} `))
      const said = this.#reported.filter(message => message.startsWith(`${agentId} `))
      if (stored.length !== new Set(stored).size) flaws.push(`reports of ${agentId} were stored twice`)
      else if (stored.some((message, i) => message !== said[i])) flaws.push(`reports of ${agentId} are out of order`)
    }
    return flaws
  }

  stop(): void {
    this.#beats?.cancel()
    for (const { staged, fleet, openMessages, life } of this.#nodes.values()) {
      life.isDead = true
      staged.relay.stop()
      staged.kill()
      void fleet.stop()
      openMessages.stop()
    }
  }
}

async function play(seed: number): Promise<{ flaws: string[]; met: Set<string> }> {
  const simulation = new Simulation(seed)
  await simulation.start()
  for (let i = 0; i < STEPS; i++) await simulation.step()
  await simulation.rest()
  const flaws = simulation.flaws()
  simulation.stop()
  return { flaws, met: simulation.met }
}

t.setTimeout(900_000)

t.test(
  `in ${SEEDS} histories of agents at gateways each command runs once, and no report is lost, duplicated or reordered`,
  { timeout: 900_000 },
  async t => {
    const first = Number(process.env.SIM_FIRST ?? 1)
    const failed: Record<number, string[]> = {}
    const tally: Record<string, number> = {}
    for (let seed = first; seed < first + SEEDS; seed++) {
      const { flaws, met } = await play(seed)
      for (const event of met) tally[event] = (tally[event] ?? 0) + 1
      if (flaws.length > 0) failed[seed] = flaws
      if (Object.keys(failed).length === MOST_SHOWN) break
    }
    t.strictSame(failed, {})
    t.comment(JSON.stringify(tally))
    for (const what of MET) t.ok(tally[what], `met: ${what}`)
  },
)
