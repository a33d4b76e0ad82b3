import type { ContentBlock, SessionUpdate } from '@agentclientprotocol/sdk'
import type { CommandRun } from '@fleetwire/client'
import type { CommandOutcome } from '@fleetwire/protocol'
import { orAborted } from './or-aborted.ts'
import type { AcpPeer } from './peer.ts'
import type { SessionView } from './session-view.ts'
import { failed, failureOf, outcomeOfTurn, usageOf } from './turn-outcome.ts'

export interface LiveSessionOptions {
  sessionId: string
  /** The program's id of the session. */
  acpId: string
  view: SessionView
  peer: AcpPeer
  /** The source of usage reports. */
  source: string
  /** The turn did not end although it was cancelled. Only ending the program can end it. */
  onUnstoppable(): void
  /** Describes how the program ended. Called once it is gone. */
  exit(): Promise<string>
}

/** A session that the program has open. Its turns run one after another. */
export class LiveSession {
  readonly sessionId: string
  readonly acpId: string
  readonly view: SessionView
  readonly #options: LiveSessionOptions
  #turns: Promise<unknown> = Promise.resolve()
  #waiting = 0
  /** `cancel` is aborted to end the turn. */
  #turn: { run: CommandRun; cancel: AbortController } | undefined
  /** The agent is stopping, so turns are cancelled. */
  #isStopping = false
  /** Why an update from the program could not be reported. */
  #fault: unknown
  /** To be shown before the next turn. */
  #note: string | undefined

  constructor(options: LiveSessionOptions, note?: string) {
    this.sessionId = options.sessionId
    this.acpId = options.acpId
    this.view = options.view
    this.#options = options
    this.#note = note
  }

  /** The run of the current turn, and a signal that aborts when that turn must end. */
  get turn(): { run: CommandRun; cancelled: AbortSignal } | undefined {
    return this.#turn && { run: this.#turn.run, cancelled: this.#turn.cancel.signal }
  }

  get isIdle(): boolean {
    return this.#waiting === 0
  }

  /** Prompts the program once earlier turns have ended. */
  async prompt(run: CommandRun, blocks: ContentBlock[]): Promise<CommandOutcome> {
    this.#waiting++
    const before = this.#turns
    let end = () => {}
    const mine = new Promise<void>(resolve => {
      end = resolve
    })
    this.#turns = before.then(() => mine)
    try {
      if ((await orAborted(before, run.signal)) === 'aborted' || this.#isStopping) return { status: 'cancelled' }
      return await this.#prompt(run, blocks)
    } finally {
      this.#waiting--
      end()
    }
  }

  /** Cancels all turns because the agent is stopping. Resolves when they have ended. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#turn?.cancel.abort()
    await this.#turns
  }

  /** The program is gone, or closes the session. Resolves when the turns have ended and everything left open is reported as ended. */
  async end(message: string): Promise<void> {
    await this.#turns
    try {
      this.view.end(message)
    } catch {
      // The outbox is full. The next start ends the tasks.
    }
  }

  apply(update: SessionUpdate): void {
    try {
      this.view.apply(update)
    } catch (error) {
      // The server has been unreachable for so long that the outbox is full. A turn with missing reports is cancelled.
      this.#fault ??= error
      this.#turn?.cancel.abort()
    }
  }

  async #prompt(run: CommandRun, prompt: ContentBlock[]): Promise<CommandOutcome> {
    const { peer, source, onUnstoppable, exit } = this.#options
    if (peer.gone.aborted)
      return failed('program_ended', `The program ended before it got the prompt: ${await exit()}.`)
    const cancel = new AbortController()
    cancel.signal.addEventListener('abort', () => peer.cancel(this.acpId))
    const interrupt = () => cancel.abort()
    const isInterrupted = () => run.signal.aborted || this.#isStopping
    let how: 'ended' | 'cancelled' = 'cancelled'
    this.#fault = undefined
    this.#turn = { run, cancel }
    try {
      this.view.beginTurn(run, this.#note)
      this.#note = undefined
      run.typing()
      run.signal.addEventListener('abort', interrupt, { once: true })
      run.force.addEventListener('abort', onUnstoppable, { once: true })
      const response = await peer.request('session/prompt', { sessionId: this.acpId, prompt })
      if (response?.stopReason !== 'cancelled') how = 'ended'
      const usage = usageOf(response)
      if (usage !== undefined) run.report('usage:report', { source, mode: 'delta', requestId: run.commandId, ...usage })
      if (this.#fault !== undefined) throw this.#fault
      return outcomeOfTurn(response, this.view.text, isInterrupted())
    } catch (error) {
      if (!peer.gone.aborted) return failureOf(error, isInterrupted())
      const how = await exit()
      if (isInterrupted()) return { status: 'cancelled', detail: `The program ended: ${how}.` }
      return failed(
        'program_ended',
        `The program ended in the middle of this command; what it did is not known: ${how}.`,
      )
    } finally {
      run.signal.removeEventListener('abort', interrupt)
      run.force.removeEventListener('abort', onUnstoppable)
      this.#turn = undefined
      this.#endTurn(how)
    }
  }

  #endTurn(how: 'ended' | 'cancelled'): void {
    try {
      this.view.endTurn(how)
    } catch {
      // The outbox is full. The end of the run reports that something is missing.
    }
  }
}
