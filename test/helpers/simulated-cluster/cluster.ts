import { type Command, type Interaction, isFinal } from '@fleetwire/protocol'
import type { Beat, Beats } from '../../../src/cluster/beats.ts'
import { decodeEntry } from '../../../src/cluster/log/log-entry.ts'
import { decodeCursor } from '../../../src/log/cursor.ts'
import { storedEvent } from '../../../src/log/entries.ts'
import type { FleetEvent } from '../../../src/log/event-log.ts'
import type { StoredRecord } from '../../../src/log/sqlite-messages.ts'
import { unpackAppends } from '../../../src/log/sqlite-packing.ts'
import { seededRandom } from '../random.ts'
import type { SimulatedDashboard } from '../simulated-dashboard.ts'
import { SimulatedAgent } from './agent.ts'
import { SimulatedCaller } from './caller.ts'
import { openDashboard } from './dashboard.ts'
import { type Disk, MemoryDisk } from './disk.ts'
import { type Safeguard, SimulatedNode } from './node.ts'
import { SimulatedServers } from './stream.ts'
import { type ProcessClock, SimulatedTime } from './time.ts'

/** How long a cluster may take after the last fault until it accepts and completes commands. */
const HEAL_MS = 30_000
/** How long pending work may take to end after that: leases, deadlines, pauses before reconnecting. */
const REST_MS = 60_000
const MOST_NOTES = 400

export interface HistoryOptions {
  /** The safeguard that the nodes lack. */
  without?: Safeguard
  /** The disk on which the node of this name has its replica. */
  disk?: (name: string) => Disk
  /** Dashboards answer each question as soon as they see it. */
  answersAtOnce?: boolean
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/**
 * Nodes with complete fleets on one stream, and their agents, callers and dashboards, in one process and in simulated
 * time. Each seed is one history: it determines all faults, and the delay of each message.
 */
export class SimulatedCluster {
  readonly time = new SimulatedTime()
  readonly random
  readonly servers: SimulatedServers
  readonly nodes: SimulatedNode[]
  readonly agents: SimulatedAgent[]
  readonly callers: SimulatedCaller[]
  readonly dashboards: SimulatedDashboard[]
  readonly appendTimeoutMs: number
  readonly disk: (name: string) => Disk
  /** The safeguard that the nodes lack. */
  readonly without: Safeguard | undefined
  readonly flaws: string[] = []
  /** A short log of what happened. */
  readonly notes: string[] = []
  readonly met = new Set<string>()
  readonly #listeners = new Map<SimulatedNode, { clock: ProcessClock; listeners: Set<(beat: Beat) => void> }>()
  /** The events in the stream so far. */
  readonly events: FleetEvent[] = []
  readonly commands = new Map<string, { last: Command; ends: string[]; starts: number[] }>()
  readonly questions = new Map<string, Interaction>()
  /** By question, the last position in the log at which it was not open. */
  readonly #closed = new Map<string, number>()
  #seq = 0
  #at = 0
  #folded = 0
  #parts: Uint8Array[] = []
  #leader: string | null = null
  #term = 0
  #isQuiet = false

  constructor(seed: number, { without, disk, answersAtOnce = false }: HistoryOptions = {}) {
    this.random = seededRandom(seed)
    this.without = without
    this.disk = disk ?? (() => new MemoryDisk(this.servers.epoch))
    const { random } = this
    this.servers = new SimulatedServers(this.time, random, without !== 'fence')
    this.appendTimeoutMs = random.pick([3000, 15_000])
    const faults = {
      lost: random.pick([0, 0, 0.01, 0.05]),
      late: random.pick([0, 0.01, 0.03]),
      twice: random.pick([0, 0.05]),
      untold: random.pick([0, 0.05, 0.3]),
    }
    this.nodes = ['n1', 'n2', 'n3', 'n4'].slice(0, random.pick([2, 3, 3, 3, 4])).map(name => {
      const link = { delayMs: random.pick([1, 4, 20, 100]), isCutOut: false, isCutIn: false, ...faults }
      const clock = { skewMs: random.pick([0, 0, -4000, 700, 90_000]), rate: random.pick([1, 1, 0.98, 1.02]) }
      return new SimulatedNode(name, this, link, clock)
    })
    for (const node of this.nodes) node.start()
    this.agents = ['a1', 'a2'].slice(0, 1 + random.below(2)).map(id => new SimulatedAgent(id, this))
    this.callers = ['c1', 'c2'].map(name => new SimulatedCaller(name, this))
    this.dashboards = [['agents.>'], ['>']].slice(0, 1 + random.below(2)).map(patterns => openDashboard(this, patterns))
    if (answersAtOnce) for (const dashboard of this.dashboards) this.#answerAtOnce(dashboard)
  }

  flaw(text: string): void {
    if (this.flaws.length < 20) this.flaws.push(`${this.#stamp()} ${text}`.slice(0, 500))
  }

  note(text: string): void {
    if (this.notes.length < MOST_NOTES) this.notes.push(`${this.#stamp()} ${text}`)
  }

  /** Chooses a node like a balancer that checks `/ready`: usually one that serves. */
  balance(): SimulatedNode {
    const serving = this.nodes.filter(({ process, isHidden }) => process?.isServing && !isHidden)
    return this.random.pick(serving.length > 0 && this.random.next() < 0.8 ? serving : this.nodes)
  }

  beatsOf(node: SimulatedNode, clock: ProcessClock): Beats {
    const listeners = new Set<(beat: Beat) => void>()
    this.#listeners.set(node, { clock, listeners })
    return {
      send: beat => {
        if (clock.isDead || node.link.isCutOut) return
        for (const [other, theirs] of this.#listeners) {
          if (other.link.isCutIn || this.random.next() < node.link.lost) continue
          const ms = 1 + this.random.below(node.link.delayMs) + this.random.below(other.link.delayMs)
          theirs.clock.receive(ms, () => {
            for (const listener of theirs.listeners) listener(beat)
          })
        }
      },
      listen: listener => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
  }

  async pass(ms: number): Promise<void> {
    const until = this.time.at + ms
    while (this.time.next(until)) await turn()
    this.#fold()
  }

  /** Lets time pass until the condition holds. Resolves with false if that takes too long. */
  async until(isSo: () => boolean, mostMs: number): Promise<boolean> {
    const until = this.time.at + mostMs
    while (!isSo()) {
      if (this.time.at >= until) return false
      await this.pass(100)
    }
    return true
  }

  /** Injects one random fault. */
  strike(): void {
    const { random } = this
    const node = random.pick(this.nodes)
    const active = this.nodes.find(({ process }) => process?.isServing)
    // Faults of the active node are the most interesting ones.
    const victim = active !== undefined && random.next() < 0.6 ? active : node
    const name = victim.name
    const roll = random.below(100)
    if (roll < 14) {
      if (victim.process === undefined) {
        this.#do(`${name} starts`, () => victim.start())
        return
      }
      this.#do(`${name} is killed`, () => victim.kill())
      this.time.after(random.pick([100, 2000, 8000]), () => victim.start())
    } else if (roll < 17) {
      this.#do(`${name} is lost with its disk`, () => victim.lose())
      this.time.after(random.pick([2000, 8000]), () => victim.start())
    } else if (roll < 32) {
      const kind = random.pick(['stopped', 'suspended'] as const)
      this.#do(`${name} is ${kind}`, () => victim.pause(kind))
      this.time.after(random.pick([500, 2500, 5000, 9000, 15_000]), () => {
        if (victim.process?.clock.isPaused) this.#do(`${name} resumes`, () => victim.resume())
      })
    } else if (roll < 50) {
      const [out, into] = random.pick([
        [true, true],
        [true, false],
        [false, true],
      ] as const)
      const hidden = random.next() < 0.3
      this.#do(
        `${name} is cut off${out ? ' outward' : ''}${into ? ' inward' : ''}${hidden ? ', also from clients' : ''}`,
        () => {
          victim.cut(out, into)
          victim.isHidden ||= hidden
        },
      )
      this.time.after(random.pick([800, 3500, 7000, 12_000]), () =>
        this.#do(`${name} is connected again`, () => {
          victim.cut(false, false)
          victim.isHidden = false
        }),
      )
    } else if (roll < 58) {
      this.#do('the stream has no leader', () => {
        this.servers.isAway = true
      })
      this.time.after(random.pick([1000, 5000, 7000]), () => {
        this.#do('the stream has a leader', () => {
          this.servers.isAway = false
        })
      })
    } else if (roll < 66) {
      this.#do(`${name} is shut down`, () => victim.terminate())
      this.time.after(random.pick([11_000, 12_000]), () => victim.start())
    } else if (roll < 74) {
      const ms = random.pick([-3_600_000, -5000, 5000, 60_000])
      this.#do(`the clock of ${name} jumps by ${ms} ms`, () => victim.jump(ms))
    } else if (roll < 80) {
      const link = victim.link
      link.delayMs = random.pick([1, 30, 150, 600])
      this.note(`the delay of ${name} is ${link.delayMs} ms`)
    } else if (roll < 90) {
      const agent = random.pick(this.agents)
      this.#do(`agent ${agent.id} is killed`, () => agent.kill())
      this.time.after(random.pick([10, 1500, 6000]), () => agent.start())
    }
  }

  /** Performs one random action of a user or an agent. */
  act(): void {
    const { random } = this
    const caller = random.pick(this.callers)
    const roll = random.below(20)
    if (roll < 10)
      void caller.submit(
        random.pick(this.agents).id,
        random.next() < 0.3 ? 'ask' : 'shell',
        random.next() < 0.2 ? 'requeue' : 'fail',
      )
    else if (roll < 12) {
      const accepted = [...caller.accepted.values()]
      if (accepted.length > 0) void caller.interrupt(random.pick(accepted))
    } else if (roll < 16) this.#answer(caller)
    else random.pick(this.agents).report()
  }

  #answerAtOnce({ client }: SimulatedDashboard): void {
    client.on('interaction:requested', ({ cursor, payload }) => {
      void this.random.pick(this.callers).answerShown(payload, decodeCursor(cursor)!.seq)
    })
  }

  /** Whether a question was not open at any time after a position in the log. */
  hasClosed(topic: string, seq: number): boolean {
    this.#fold()
    return (this.#closed.get(topic) ?? 0) > seq
  }

  #answer(caller: SimulatedCaller): void {
    const open = [...this.questions.values()].filter(
      ({ state, commandId }) => state === 'open' && !isFinal(this.commands.get(commandId!)?.last.status ?? ''),
    )
    if (open.length > 0) void caller.answer(this.random.pick(open).interactionId)
  }

  /** Ends all faults: starts what is dead, and reconnects everything. */
  heal(): void {
    this.note('all faults end')
    this.servers.isAway = false
    for (const agent of this.agents) agent.start()
    for (const node of this.nodes) {
      Object.assign(node.link, { lost: 0, late: 0, twice: 0, untold: 0 })
      node.link.delayMs = Math.min(node.link.delayMs, 100)
      node.cut(false, false)
      node.isHidden = false
      node.resume()
      if (node.isEnding) node.kill()
      node.start()
    }
  }

  /** Ends a history: all work must finish, and all nodes and clients must have the same state. */
  async rest(): Promise<void> {
    this.heal()
    const healedAt = this.time.at
    let last: string | undefined
    void this.callers[0]!.submit(this.agents[0]!.id, 'shell').then(id => {
      last = id
    })
    const isOver = () => last !== undefined && isFinal(this.commands.get(last)?.last.status ?? '')
    const isWorking = () => {
      this.#answer(this.callers[0]!)
      return isOver()
    }
    if (!(await this.until(isWorking, HEAL_MS))) {
      const serving = this.nodes.filter(({ process }) => process?.isServing).map(({ name }) => name)
      const status = last === undefined ? 'not accepted' : this.commands.get(last)?.last.status
      this.flaw(`not recovered ${this.time.at - healedAt} ms after the last fault: ${status}; active: ${serving}`)
      return
    }
    this.met.add(`healed within ${Math.ceil((this.time.at - healedAt) / 5000) * 5} s`)
    this.#isQuiet = true
    const settled = () => this.#unsettled().length === 0
    const answering = this.time.at + REST_MS
    while (!settled() && this.time.at < answering) {
      this.#answer(this.callers[0]!)
      await this.pass(500)
    }
    for (const flaw of this.#unsettled().slice(0, 5)) this.flaw(`in the end ${flaw}`)
    await this.pass(1000)
    this.#judge()
  }

  /** Kills everything that still runs. */
  end(): void {
    for (const agent of this.agents) agent.end()
    for (const dashboard of this.dashboards) dashboard.client.close()
    for (const node of this.nodes) node.kill()
  }

  #do(what: string, how: () => void): void {
    if (this.#isQuiet) return
    this.note(what)
    how()
  }

  #stamp(): string {
    return `${(this.time.at / 1000).toFixed(2)}`
  }

  #unsettled(): string[] {
    const last = this.events.at(-1)
    const stored = this.#reports()
    return [
      ...[...this.commands.values()]
        .filter(({ last }) => !isFinal(last.status))
        .map(({ last }) => `${last.commandId} is ${last.status}`),
      ...[...this.questions.values()]
        .filter(({ state }) => state === 'open')
        .map(({ interactionId }) => `${interactionId} is open`),
      ...this.callers.flatMap(({ pending }) => [...pending].map(request => `${request} is not answered`)),
      ...this.dashboards
        .filter(dashboard => last !== undefined && !dashboard.hasReached(last))
        .map(({ patterns, status }) => `${patterns} is behind: ${JSON.stringify(status)}`),
      ...this.agents.flatMap(({ bootId, reported }) =>
        reported
          .filter(text => text.startsWith(bootId) && !stored.includes(text))
          .map(text => `report ${text} is missing`),
      ),
      ...this.nodes
        .filter(({ process }) => !process?.isReady || process.log.position < this.servers.last)
        .map(({ name }) => `${name} is behind`),
    ]
  }

  #reports(): string[] {
    return this.events
      .filter(({ type }) => type === 'agent:error')
      .map(({ payload }) => (payload as { message: string }).message)
  }

  /** Reads new entries of the stream like a node, and checks the rules of every history. */
  #fold(): void {
    const { parts, writers } = this.servers
    for (; this.#folded < parts.length; this.#folded++) {
      const part = parts[this.#folded]!
      const writer = writers[this.#folded]!
      if (part.part === 0) this.#parts = []
      if (this.#parts.length !== part.part) continue
      this.#parts.push(part.data)
      if (this.#parts.length < part.parts) continue
      const change = decodeEntry(Buffer.concat(this.#parts))
      this.#parts = []
      const at = `at ${part.position}`
      if (change.kind === 'lead') {
        if (change.term !== this.#term + 1) this.flaw(`${at} term ${change.term} follows ${this.#term}`)
        this.#term = change.term
        this.#leader = change.leader === 'null' ? null : writer
        this.note(`${at}: ${change.leader === 'null' ? `${writer} resigns` : `${writer} leads`}, term ${change.term}`)
        continue
      }
      if (writer !== this.#leader) this.flaw(`${at}: a commit of ${writer}, while ${this.#leader} leads`)
      if (change.kind !== 'appends') continue
      if (change.first !== this.#seq + 1) this.flaw(`${at}: seq ${change.first} follows ${this.#seq}`)
      for (const op of unpackAppends(change.packed)) {
        if (op.at < this.#at) this.flaw(`${at}: time goes back from ${this.#at} to ${op.at}`)
        this.#at = op.at
        for (const draft of op.drafts) {
          const event = storedEvent(this.servers.epoch, { ...draft, at: op.at, seq: ++this.#seq })
          if (event.topic.startsWith('$')) continue
          this.events.push(event)
          this.#look(event)
        }
      }
    }
  }

  #look({ type, topic, payload, seq }: FleetEvent): void {
    if (type.startsWith('interaction:')) {
      const question = payload as Interaction
      this.questions.set(topic, question)
      if (question.state !== 'open') this.#closed.set(topic, seq)
    }
    if (!type.startsWith('command:')) return
    const command = payload as Command
    const known = this.commands.get(command.commandId) ?? { last: command, ends: [], starts: [] }
    known.last = command
    if (isFinal(command.status) && type === `command:${command.status}`) known.ends.push(type)
    if (type === 'command:running') known.starts.push(command.attempt)
    if (known.ends.length > 1) this.flaw(`${command.commandId} ended twice: ${known.ends}`)
    this.commands.set(command.commandId, known)
  }

  #judge(): void {
    for (const [key, id] of this.callers.flatMap(({ accepted }) => [...accepted])) {
      const command = this.commands.get(id)
      if (command === undefined) this.flaw(`${key} was accepted as ${id}, which does not exist`)
      else if (command.ends.length !== 1) this.flaw(`${id} ended ${command.ends.length} times`)
    }
    const keys = this.callers.flatMap(({ accepted }) => [...accepted.values()])
    if (this.commands.size > keys.length) this.flaw(`${this.commands.size} commands of ${keys.length} requests`)
    for (const [id, { last, starts }] of this.commands) {
      const runs = this.agents.reduce((sum, agent) => sum + (agent.runs.get(id) ?? 0), 0)
      if (runs > (last.onLost === 'requeue' ? last.attempt : 1))
        this.flaw(`${id} ran ${runs} times (${last.onLost}, attempt ${last.attempt})`)
      if (new Set(starts).size < starts.length) this.flaw(`${id} started twice in one attempt: ${starts}`)
      if (last.status === 'succeeded' && runs === 0) this.flaw(`${id} succeeded and never ran`)
      this.met.add(last.status)
    }
    for (const id of this.callers.flatMap(({ answered }) => [...answered])) {
      const question = [...this.questions.values()].find(({ interactionId }) => interactionId === id)
      if (question?.resolution?.optionId !== 'yes')
        this.flaw(`the answer to ${id} was accepted, but the question is ${question?.state}`)
      else this.met.add('answered')
    }
    const stored = this.#reports()
    for (const { reported } of this.agents) {
      const theirs = stored.filter(text => reported.includes(text)).map(text => reported.indexOf(text))
      if (theirs.some((n, i) => i > 0 && n <= theirs[i - 1]!))
        this.flaw(`reports duplicated or out of order: ${theirs}`)
    }
    const texts = this.#texts()
    for (const { said, messages } of this.agents) {
      for (const [messageId, text] of said) {
        const told = texts.get(messageId) ?? ''
        if (!text.startsWith(told)) this.flaw(`${messageId}: said "${text}", stored "${told}"`)
        if (messages.includes(messageId) && text !== told)
          this.flaw(`${messageId}: the end of "${text}" is lost: "${told}"`)
      }
    }
    for (const dashboard of this.dashboards) {
      for (const flaw of dashboard.flaws(this.events)) this.flaw(`dashboard: ${flaw}`)
      for (const met of dashboard.met) this.met.add(met)
    }
    this.#compareReplicas()
    this.met.add(`${this.#term} terms`)
  }

  /** The text of each message in the log. */
  #texts(): Map<string, string> {
    const texts = new Map<string, string>()
    for (const { type, payload } of this.events) {
      if (type !== 'message:delta') continue
      const { messageId, delta } = payload as { messageId: string; delta: string }
      texts.set(messageId, (texts.get(messageId) ?? '') + delta)
    }
    return texts
  }

  #compareReplicas(): void {
    const { records } = this.nodes[0]!.disk.contents()
    for (const node of this.nodes) {
      const { events, records: theirs } = node.disk.contents()
      const wrong = this.events.findIndex((event, i) => {
        const stored = events[i]
        return stored?.seq !== event.seq || stored.json !== event.json || stored.topic !== event.topic
      })
      if (wrong !== -1 || events.length !== this.events.length) {
        this.flaw(`${node.name} has ${events.length} of ${this.events.length} events, first difference at ${wrong}`)
      }
      const differs = ({ version, json }: StoredRecord, i: number) =>
        theirs[i]?.version !== version || theirs[i].json !== json
      if (theirs.length !== records.length || records.some(differs)) {
        this.flaw(`${node.name} and ${this.nodes[0]!.name} have different records`)
      }
      for (const flaw of node.process?.leftovers() ?? []) this.flaw(`${node.name}: ${flaw}`)
    }
    for (const dashboard of this.dashboards) {
      for (const flaw of dashboard.recordFlaws(records)) this.flaw(`dashboard: ${flaw}`)
    }
  }
}
