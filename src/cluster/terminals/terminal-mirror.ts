import { type ClientPayloads, wireError } from '@fleetwire/protocol'
import type { Clock, Timer } from '../../clock.ts'
import { refused } from '../../outcome.ts'
import type { AgentTerminal } from '../../terminals/agent-terminal.ts'
import type { ReflectedTerminal } from '../../terminals/reflection.ts'
import type { TerminalHub } from '../../terminals/terminal-hub.ts'
import type { AgentTerminalPort, TerminalResult, TerminalUpstream } from '../../terminals/terminal-upstream.ts'
import type { Viewer } from '../../terminals/viewer.ts'
import type { NodeLink } from '../bus/node-bus.ts'
import type { FromActive, ToActive } from './terminal-messages.ts'

/** The active node is notified after this many bytes, so that it may send more. */
const GOT_EVERY_BYTES = 64 * 1024
/** How long an agent is followed after its last viewer left: a reloaded page comes back within that time. */
const LINGER_MS = 10_000
const RETRY_MS = 250

interface Followed {
  /** The parts of the description received so far. */
  parts: ReflectedTerminal[]
  /** The active node has described it on this link. */
  isDescribed: boolean
  /** The active node has the description from the agent itself. */
  isKnown: boolean
  linger?: Timer
}

interface Reading {
  stream: number
  terminal: AgentTerminal
  /** The mark of the terminal that was asked for: the active node may restart the terminal in the meantime. */
  mark?: string
  /** The screen can be drawn once output up to this offset is here; undefined while that is not known. */
  until?: number
  /** Called once it is known whether a viewer here answers queries. */
  claims: (() => void)[]
}

export interface TerminalMirrorOptions {
  hub: TerminalHub
  clock: Clock
  /** Opens a link to the active node; undefined while none is known. */
  openLink(): NodeLink | undefined
}

/**
 * A gateway's end of the link to the active node. Has the hub show that node's terminals, as far as viewers here look
 * at them. Without a link, viewers keep what they have, and changes are refused.
 */
export class TerminalMirror implements TerminalUpstream {
  readonly #options: TerminalMirrorOptions
  readonly #followed = new Map<string, Followed>()
  readonly #readings = new Map<AgentTerminal, Reading>()
  readonly #streams = new Map<number, Reading>()
  readonly #asks = new Map<number, (result: TerminalResult) => void>()
  /** Viewers that the active node knows of. */
  readonly #told = new Set<string>()
  #state: 'stopped' | 'running' = 'stopped'
  #link: NodeLink | undefined
  #retry: Timer | undefined
  #count = 0
  #gotBytes = 0
  #toldBytes = 0

  constructor(options: TerminalMirrorOptions) {
    this.#options = options
  }

  /** Follows the active node, or switches to another one. */
  start(): void {
    if (this.#state === 'stopped') {
      this.#state = 'running'
      this.#options.hub.follow(this)
      for (const agentId of this.#options.hub.reflection.wanted) this.#followed.set(agentId, newlyFollowed())
      for (const agentId of this.#followed.keys())
        for (const terminal of this.#reflection.followed(agentId)) this.#readLater(terminal)
    }
    this.#connect()
  }

  /** Stops following, since this node decides or stops. */
  stop(): void {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#disconnect('this node follows no other')
    for (const { linger } of this.#followed.values()) linger?.cancel()
    for (const reading of this.#readings.values()) settleClaims(reading)
    this.#followed.clear()
    this.#readings.clear()
  }

  // ---- for the hub

  knows(agentId: string): boolean {
    return this.#followed.get(agentId)?.isDescribed ?? false
  }

  interest(agentId: string): void {
    const followed = this.#followed.get(agentId)
    if (this.#reflection.wants(agentId)) {
      followed?.linger?.cancel()
      if (followed) return
      this.#followed.set(agentId, newlyFollowed())
      this.#send({ type: 'watch', agentId })
    } else if (followed) {
      followed.linger = this.#options.clock.setTimeout(() => {
        this.#followed.delete(agentId)
        this.#send({ type: 'unwatch', agentId })
        this.#reflection.forget(agentId)
      }, LINGER_MS)
    }
  }

  watched(terminal: AgentTerminal): void {
    if (terminal.isFollowed) {
      terminal.awaitArrival()
      this.#readLater(terminal)
      if (this.knows(terminal.agentId)) this.#read(terminal)
      return
    }
    const reading = this.#readings.get(terminal)
    if (!reading) return
    this.#readings.delete(terminal)
    settleClaims(reading)
    if (this.#streams.delete(reading.stream)) this.#send({ type: 'stop', stream: reading.stream })
  }

  async claim(terminal: AgentTerminal): Promise<void> {
    const reading = this.#readings.get(terminal)
    if (reading === undefined) return
    if (this.#streams.has(reading.stream)) this.#send({ type: 'claim', stream: reading.stream })
    // The active node does not have the terminal, and would never answer.
    else if (this.knows(terminal.agentId)) return
    await new Promise<void>(resolve => reading.claims.push(resolve))
  }

  unclaim(terminal: AgentTerminal): void {
    const reading = this.#readings.get(terminal)
    if (reading && this.#streams.has(reading.stream)) this.#send({ type: 'unclaim', stream: reading.stream })
  }

  async input(viewer: Viewer, request: ClientPayloads['terminal:input']): Promise<TerminalResult> {
    const { agentId, terminalId, inputSeq } = request
    const terminal = this.#reflection.find(agentId, terminalId)
    // The viewer's record survives a change of the active node, which forgets what was typed.
    if (terminal && viewer.hasTyped(terminal, inputSeq)) return { status: 'ok' }
    const result = await this.#ask(request, ask => ({ type: 'input', ask, viewer: viewer.id, request }))
    if (result.status === 'ok' && terminal) viewer.isNewInput(terminal, inputSeq)
    return result
  }

  async resize(viewer: Viewer, request: ClientPayloads['terminal:resize']): Promise<TerminalResult> {
    const result = await this.#ask(request, ask => ({ type: 'resize', ask, viewer: viewer.id, request }))
    const terminal = this.#reflection.find(request.agentId, request.terminalId)
    if (result.status === 'ok' && terminal) this.#reflection.giveSize(terminal, viewer)
    return result
  }

  port(agentId: string): AgentTerminalPort {
    return {
      send: (type, payload) => {
        if (type === 'terminal:input') this.#send({ type: 'typed', agentId, input: payload as never })
        else if (type === 'terminal:ack')
          this.#send({ type: 'paced', agentId, ...(payload as { terminalId: string; offset: number }) })
      },
    }
  }

  letGo(viewer: string, { agentId, terminalId }: AgentTerminal): void {
    if (this.#told.has(viewer)) this.#send({ type: 'letGo', viewer, agentId, terminalId })
  }

  left(viewer: string): void {
    if (this.#told.delete(viewer)) this.#send({ type: 'left', viewer })
  }

  // ---- the link

  #connect(): void {
    this.#disconnect('another node is active')
    const link = this.#options.openLink()
    if (link === undefined) return
    this.#link = link
    link.onMessage((message: FromActive, bytes) => {
      if (this.#link === link) this.#receive(message, bytes)
    })
    link.onEnd(reason => {
      if (this.#link !== link) return
      this.#disconnect(reason)
      this.#retry = this.#options.clock.setTimeout(() => this.#connect(), RETRY_MS)
    })
    for (const agentId of this.#followed.keys()) this.#send({ type: 'watch', agentId })
  }

  #disconnect(reason: string): void {
    this.#retry?.cancel()
    const link = this.#link
    this.#link = undefined
    link?.end(reason)
    this.#gotBytes = 0
    this.#toldBytes = 0
    this.#told.clear()
    this.#streams.clear()
    for (const reading of this.#readings.values()) delete reading.until
    for (const followed of this.#followed.values())
      Object.assign(followed, { parts: [], isDescribed: false, isKnown: false })
    for (const answer of this.#asks.values()) answer(notReached('It is not known whether this was done.'))
    this.#asks.clear()
  }

  #receive(message: FromActive, bytes: Uint8Array | undefined): void {
    switch (message.type) {
      case 'agent':
        this.#described(message)
        return
      case 'began':
        if (this.knows(message.agentId)) this.#reflection.began(message.agentId, message.terminal)
        return
      case 'ended': {
        const terminal = this.#reflection.find(message.agentId, message.terminalId)
        if (terminal?.identity.mark !== message.mark) return
        this.#reflection.ended(terminal, message.ending)
        this.#reflection.prune(message.agentId)
        return
      }
      case 'taken': {
        const terminal = this.#reflection.find(message.agentId, message.terminalId)
        if (terminal) this.#reflection.taken(terminal, message.offset)
        return
      }
      case 'answer': {
        const answer = this.#asks.get(message.ask)
        this.#asks.delete(message.ask)
        answer?.(message.result)
        return
      }
      case 'output':
        this.#got(bytes?.length ?? 0)
    }
    if (!('stream' in message)) return
    const reading = this.#streams.get(message.stream)
    if (reading === undefined) return
    const { terminal } = reading
    switch (message.type) {
      case 'reading':
        reading.until = message.until
        break
      case 'output':
        if (bytes) this.#reflection.feed(terminal, message.offset, bytes)
        break
      case 'size':
        terminal.resize(message)
        break
      case 'end':
        this.#reflection.ended(terminal, message.ending)
        break
      case 'granted':
        terminal.grantAnswers(message.from, message.to)
        if (message.to === undefined) settleClaims(reading)
        return
      case 'gone':
        this.#notThere(terminal)
        return
      default:
        message satisfies never
    }
    if (reading.until !== undefined && terminal.end >= reading.until) terminal.arrived()
  }

  #described({ agentId, isKnown, terminals, isPart }: FromActive & { type: 'agent' }): void {
    const followed = this.#followed.get(agentId)
    if (followed === undefined) return
    followed.parts.push(...terminals)
    if (isPart) return
    const described = followed.parts
    followed.parts = []
    // From now on, terminals that viewers begin to follow are read at once.
    followed.isDescribed = true
    followed.isKnown = isKnown
    this.#reflection.reflect(agentId, described, isKnown)
    const listed = new Set(described.map(({ terminalId }) => terminalId))
    for (const terminal of this.#reflection.followed(agentId)) {
      if (listed.has(terminal.terminalId)) this.#read(terminal)
      else this.#notThere(terminal)
    }
    this.#reflection.settled(agentId)
    for (const { terminalId } of described) {
      const terminal = this.#reflection.find(agentId, terminalId)
      const holder = terminal && this.#reflection.holderOf(terminal)
      if (holder === undefined) continue
      this.#told.add(holder.id)
      this.#send({ type: 'held', viewer: holder.id, agentId, terminalId })
    }
  }

  #readLater(terminal: AgentTerminal): void {
    if (!this.#readings.has(terminal)) this.#readings.set(terminal, { stream: ++this.#count, terminal, claims: [] })
  }

  #read(terminal: AgentTerminal): void {
    const reading = this.#readings.get(terminal)
    if (reading === undefined) return
    if (this.#streams.has(reading.stream)) {
      if (reading.mark === terminal.identity.mark) return
      this.#streams.delete(reading.stream)
      this.#send({ type: 'stop', stream: reading.stream })
      delete reading.until
    }
    reading.stream = ++this.#count
    reading.mark = terminal.identity.mark
    this.#streams.set(reading.stream, reading)
    const { agentId, terminalId, end } = terminal
    this.#send({ type: 'read', stream: reading.stream, agentId, terminalId, mark: reading.mark, from: end })
    if (reading.claims.length > 0) this.#send({ type: 'claim', stream: reading.stream })
    // It is not known here what was answered in the meantime.
    terminal.reclaimAnswers()
  }

  /** The active node does not have the terminal. It is read once its agent has reconnected. */
  #notThere(terminal: AgentTerminal): void {
    terminal.arrived()
    const reading = this.#readings.get(terminal)
    if (reading === undefined) return
    this.#streams.delete(reading.stream)
    delete reading.until
    settleClaims(reading)
  }

  #got(bytes: number): void {
    this.#gotBytes += bytes
    if (this.#gotBytes - this.#toldBytes < GOT_EVERY_BYTES) return
    this.#toldBytes = this.#gotBytes
    this.#send({ type: 'got', bytes: this.#gotBytes })
  }

  #ask(
    { agentId, terminalId }: { agentId: string; terminalId?: string },
    question: (ask: number) => ToActive & { viewer: string },
  ): Promise<TerminalResult> {
    if (this.#link === undefined) return Promise.resolve(notReached('Nothing was done; try again.'))
    const ask = ++this.#count
    const message = question(ask)
    this.#told.add(message.viewer)
    this.#send(message)
    return new Promise(resolve => {
      this.#asks.set(ask, result => {
        const isUnknown = result.status === 'refused' && result.error.code === 'not_found'
        // A new active node does not know a terminal until its agent has reconnected.
        const isAwaited =
          isUnknown &&
          this.#followed.get(agentId)?.isKnown === false &&
          this.#reflection.find(agentId, terminalId) !== undefined
        resolve(isAwaited ? notConnected() : result)
      })
    })
  }

  #send(message: ToActive): void {
    this.#link?.send(message)
  }

  get #reflection() {
    return this.#options.hub.reflection
  }
}

function settleClaims(reading: Reading): void {
  for (const settle of reading.claims.splice(0)) settle()
}

const newlyFollowed = (): Followed => ({ parts: [], isDescribed: false, isKnown: false })

const notConnected = (): TerminalResult =>
  refused(wireError('unavailable', 'The agent of this terminal is not connected.'))

const notReached = (what: string): TerminalResult =>
  refused(wireError('unavailable', `The active node cannot be reached now. ${what}`))
