import { type AgentFrame, type AgentServerPayloads, isNumbered, topics, type WireError } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import { draftOf } from '../log/draft.ts'
import { LOG_UNAVAILABLE, unavailable } from '../outcome.ts'
import { isDelta } from '../sessions/stream-drafts.ts'
import type { AgentConnection, AgentInput } from './agent-connection.ts'
import { lifecycleOnConnect, type UplinkRecord, uplinkTopic } from './agent-state.ts'
import type { DeltaPace } from './delta-pace.ts'
import { type Directive, type InventoryItem, judge } from './reconcile.ts'
import { about, BATCH_LIMIT, type Inbound, Uplink, type UplinkServices } from './uplink.ts'

export interface AgentSessionServices extends UplinkServices {
  /** Sends the answers that the agent has not confirmed. */
  interactionEffects: { linkUp(agentId: string): void }
  clock: Clock
  /** Shared by the sessions of all agents. */
  deltaPace: DeltaPace
  heartbeatMs: number
  limits: AgentServerPayloads['connection:established']['limits']
  onFault(error: unknown): void
}

const HELLO_DEADLINE_MS = 10_000
/** How long the agent may take to resend frames before commands missing from its inventory count as denied. */
const RESEND_GRACE_MS = 1000
/** How many frames may wait while the log cannot accept; the frame burst of the agent, if that is larger. */
const INBOX_LIMIT = 2000

type State =
  | { at: 'waiting' }
  | { at: 'greeting' }
  | { at: 'ready'; uplink: Uplink; connectedAt: number }
  | { at: 'closed' }

/**
 * One connection of an agent: its hello, then its frames, strictly in the order of arrival. A numbered frame is
 * acknowledged when its content is on disk. Its number is stored in the same append, so a frame that is resent is
 * recognised.
 */
export class AgentSession implements AgentInput {
  readonly #agentId: string
  readonly #connection: AgentConnection
  readonly #services: AgentSessionServices
  readonly #deadlines: Deadlines
  readonly #waitedMs: number
  readonly #inbox: Inbound[] = []
  #state: State = { at: 'waiting' }
  #work: 'none' | 'gathering' | 'draining' = 'none'
  readonly #onClosed: () => void
  #settled: Promise<void> = Promise.resolve()

  /**
   * `waitedMs`: how long ago its hello reached the node that holds its socket. `onClosed`: called when the connection
   * is gone or this side has ended it.
   */
  constructor(
    agentId: string,
    connection: AgentConnection,
    services: AgentSessionServices,
    waitedMs: number,
    onClosed: () => void,
  ) {
    this.#waitedMs = waitedMs
    this.#agentId = agentId
    this.#connection = connection
    this.#services = services
    this.#onClosed = onClosed
    this.#deadlines = new Deadlines(services.clock)
    this.#deadlines.set('hello', HELLO_DEADLINE_MS, () => connection.close(4408, 'No agent:connect within 10 s.'))
  }

  onFrame(frame: AgentFrame): void {
    if (this.#state.at === 'closed') return
    if (this.#state.at === 'waiting') {
      if (frame.type !== 'agent:connect') {
        this.#connection.error('not_ready', `Send agent:connect before ${frame.type}.`, about(frame))
        return
      }
      this.#state = { at: 'greeting' }
      this.#deadlines.clear('hello')
      if (frame.payload.join) this.#connection.join()
    } else if (frame.type === 'agent:connect') {
      this.#connection.error('conflict', 'agent:connect was already received on this connection.', about(frame))
      if (frame.n !== undefined) this.onRefused(frame.n)
      return
    }
    this.#services.agents.heard(this.#agentId)
    this.#take(frame)
  }

  onRefused(n: number): void {
    if (this.#state.at === 'greeting' || this.#state.at === 'ready') this.#take({ type: 'refused', n })
  }

  #take(inbound: Inbound): void {
    const limit = Math.max(INBOX_LIMIT, this.#services.limits.frameBurst)
    if (this.#inbox.push(inbound) <= limit) this.#wake(inbound)
    else this.#connection.close(1012, `${LOG_UNAVAILABLE}; frames wait at the agent.`, { reconnectAfterMs: 1000 })
  }

  onClose(): void {
    const state = this.#state
    if (state.at === 'closed') return
    this.#leave()
    const { agents, dispatcher, sessions, terminals } = this.#services
    if (!agents.isCurrent(this.#agentId, this.#connection)) return
    sessions.agentGone(this.#agentId)
    agents.disconnect(this.#agentId, this.#connection, state.at === 'ready' && state.uplink.exited)
    terminals.detach(this.#agentId, this.#connection)
    dispatcher.linkDown(this.#agentId).catch(this.#services.onFault)
  }

  /** Ends the session because the server stops. The services are not notified, since they stop as well. */
  end(reconnectAfterMs: number): void {
    if (this.#state.at === 'closed') return
    this.#leave()
    this.#services.terminals.detach(this.#agentId, this.#connection)
    this.#connection.close(1012, 'server restarting', { reconnectAfterMs })
  }

  #leave(): void {
    this.#state = { at: 'closed' }
    this.#deadlines.stop()
    this.#services.deltaPace.forget(this.#onGathered)
    this.#inbox.length = 0
    this.#onClosed()
  }

  /** `newest`: the last frame of the inbox, if the earlier ones were already examined. */
  #wake(newest?: Inbound): void {
    // When a retry comes due, a newer frame may already have started or finished the work.
    if (this.#work === 'draining' || this.#inbox.length === 0) return
    const unseen = newest !== undefined && this.#work === 'gathering' ? [newest] : this.#inbox
    const mayWait = this.#inbox.length < BATCH_LIMIT && unseen.every(isDelta)
    if (!mayWait) {
      this.#services.deltaPace.forget(this.#onGathered)
      this.#settled = this.#drain()
    } else if (this.#work === 'none') {
      this.#work = 'gathering'
      this.#services.deltaPace.take(this.#onGathered)
    }
  }

  readonly #onGathered = (): void => {
    if (this.#work === 'gathering') this.#settled = this.#drain()
  }

  async #drain(): Promise<void> {
    this.#work = 'draining'
    let retryAfterMs: number | undefined
    try {
      // Yields once, so that frames that arrived in the same chunk share one append.
      await undefined
      if (this.#state.at === 'greeting' || this.#holdsAgent()) retryAfterMs = await this.#next()
      if (retryAfterMs !== undefined) await this.#settleLog()
    } catch (error) {
      this.#services.onFault(error)
      this.#connection.close(1012, 'An internal error; it was logged.', { reconnectAfterMs: 1000 })
      return
    } finally {
      this.#work = 'none'
    }
    // A newer connection took over, perhaps before this one was greeted, so there is nothing left to do.
    if (this.#state.at !== 'ready' || !this.#holdsAgent()) return
    if (retryAfterMs !== undefined) this.#deadlines.set('retry', retryAfterMs, () => this.#wake())
    else if (this.#inbox.length > 0) this.#wake()
  }

  /** After an `unavailable` append: the frames may still have been written, and must not be written again. */
  async #settleLog(): Promise<void> {
    const { settled } = this.#services.log
    if (settled === undefined) return
    await settled()
    if (this.#state.at === 'ready' && this.#holdsAgent()) await this.#state.uplink.reread()
  }

  /**
   * Handles the first frame, or several that can share an append. Resolves with a delay if the log cannot accept now.
   */
  async #next(): Promise<number | undefined> {
    const frame = this.#inbox[0]!
    if (frame.type === 'agent:connect') {
      this.#inbox.shift()
      await this.#greet(frame)
      return undefined
    }
    if (this.#state.at !== 'ready') throw new Error(`${frame.type} before the hello was handled`)
    const { uplink } = this.#state
    if (frame.type === 'refused' || isNumbered(frame.type)) return uplink.take(this.#inbox)
    if (frame.n === undefined) this.#inbox.shift()
    else {
      const { isNew, retryAfterMs } = await uplink.pass(this.#inbox)
      if (!isNew) return retryAfterMs
    }
    if (frame.type === 'session:typing') await this.#typing(frame)
    else this.#unnumbered(frame)
    return undefined
  }

  async #greet({ payload: hello, ...frame }: Extract<AgentFrame, { type: 'agent:connect' }>): Promise<void> {
    const { log, agents, dispatcher, sessions, terminals, clock } = this.#services
    const { bootId, connects } = hello
    const at = clock.monotonic() - this.#waitedMs
    await agents.claim(this.#agentId, this.#connection, { bootId, connects, at }, () => this.#settled)
    if (!this.#holdsAgent()) return
    const last = (await log.get(uplinkTopic(this.#agentId)))?.payload as UplinkRecord | undefined
    const uplink = new Uplink(this.#agentId, this.#connection, this.#services, hello.bootId, last)
    const n = uplink.nextIs(frame.n) ? frame.n : undefined
    const life = lifecycleOnConnect(hello.bootId, last).map(payload =>
      draftOf('agent:lifecycle', topics.agentLog(this.#agentId), { agentId: this.#agentId, ...payload }),
    )
    if (!this.#holdsAgent()) return
    // An earlier process of the agent left these open, and this one will not end them.
    const closing = last?.bootId === hello.bootId ? [] : sessions.closing(this.#agentId)
    const appended = await agents.connect(this.#agentId, hello, [...life, ...closing, uplink.draft(n)])
    // The next connection reads the stored position of this boot, so the outcome must be known first.
    if (appended.status === 'unavailable') await log.settled?.()
    if (!this.#holdsAgent()) return
    if (appended.status !== 'ok') {
      const { code, message, details } = unavailable(appended.status === 'unavailable' ? appended : {})
      this.#connection.error(code, message, { details })
      this.#connection.close(1012, `${LOG_UNAVAILABLE}.`, { reconnectAfterMs: 1000 })
      return
    }
    uplink.stored(n)
    const inventory = hello.inventory ?? []
    const directives = await this.#reconcile(inventory)
    if (!this.#holdsAgent()) return
    const connectedAt = clock.monotonic()
    this.#state = { at: 'ready', uplink, connectedAt }
    this.#connection.send('connection:established', {
      agentId: this.#agentId,
      connectionId: this.#connection.id,
      heartbeatMs: this.#services.heartbeatMs,
      ackedN: uplink.storedN,
      directives,
      serverTime: clock.now(),
      limits: this.#services.limits,
    })
    terminals.attach(this.#agentId, this.#connection, hello.terminals ?? [], hello.bootId)
    this.#deadlines.set('reconcile', RESEND_GRACE_MS, () => void this.#denyMissing().catch(this.#services.onFault))
    agents.ready(this.#agentId, this.#connection)
    if (this.#connection.tokenExpiresAt !== undefined)
      agents.watchToken(this.#agentId, this.#connection, this.#connection.tokenExpiresAt)
    this.#services.interactionEffects.linkUp(this.#agentId)
    dispatcher.heard(
      this.#agentId,
      inventory.map(item => item.commandId),
    )
    dispatcher.linkUp(this.#agentId)
  }

  async #reconcile(inventory: readonly InventoryItem[]): Promise<Directive[]> {
    const { ledger } = this.#services
    const directives: Directive[] = []
    for (const item of inventory) {
      const command = await ledger.get(item.commandId)
      const { directive, linkBack } = judge(item, command?.agentId === this.#agentId ? command : undefined)
      directives.push(directive)
      if (linkBack !== undefined) await ledger.apply(item.commandId, { kind: 'link-back', ...linkBack })
    }
    return directives
  }

  /** A running command that the agent neither listed in its inventory nor mentioned since is lost. */
  async #denyMissing(): Promise<void> {
    const { ledger, dispatcher, agents } = this.#services
    if (this.#state.at !== 'ready') return
    const { connectedAt } = this.#state
    const lastSeenAt = agents.lastSeenAt(this.#agentId)
    for (const { commandId, status } of [...ledger.ofAgent(this.#agentId)]) {
      const heard = (dispatcher.heardAt(commandId) ?? 0) >= connectedAt
      if (status === 'running' && !heard) await ledger.apply(commandId, { kind: 'denied', lastSeenAt })
    }
  }

  #unnumbered(frame: AgentFrame): void {
    const { dispatcher, terminals, log } = this.#services
    switch (frame.type) {
      case 'heartbeat':
        dispatcher.heard(this.#agentId, frame.payload.running ?? [])
        this.#connection.send('heartbeat', { cancel: dispatcher.cancelling(this.#agentId) })
        break
      case 'agent:metrics': {
        const draft = draftOf('agent:metrics', topics.agentMetrics(this.#agentId), {
          ...frame.payload,
          agentId: this.#agentId,
        })
        log.append([draft]).catch(this.#services.onFault)
        break
      }
      case 'terminal:output':
        this.#refuse(frame, terminals.output(this.#agentId, frame.payload))
        break
      case 'terminal:ack':
        terminals.taken(this.#agentId, frame.payload)
        break
      default:
        throw new Error(`${frame.type} is a numbered frame`)
    }
  }

  async #typing(frame: Extract<AgentFrame, { type: 'session:typing' }>): Promise<void> {
    const { sessionId, typing = true } = frame.payload
    const told = await this.#services.sessions.typing({ agentId: this.#agentId, sessionId }, typing)
    if (told.status === 'refused') this.#refuse(frame, told.error)
  }

  #refuse(frame: AgentFrame, error: WireError | undefined): void {
    if (error !== undefined) this.#connection.error(error.code, error.message, about(frame))
  }

  /**
   * False once this connection closed or a newer one took over: check again after every await. Unhandled frames are
   * resent on the newer one.
   */
  #holdsAgent(): boolean {
    return this.#state.at !== 'closed' && this.#services.agents.isCurrent(this.#agentId, this.#connection)
  }
}
