import type { ContentBlock, SessionUpdate } from '@agentclientprotocol/sdk'
import type { CommandRun } from '@fleetwire/client'
import type { CommandOutcome } from '@fleetwire/protocol'
import type { AcpPeer } from './peer.ts'
import type { SessionView } from './session-view.ts'
import { failed, failureOf, outcomeOfTurn, usageOf } from './turn-outcome.ts'

export interface LiveSessionOptions {
  sessionId: string
  /** What the program calls it. */
  acpId: string
  view: SessionView
  peer: AcpPeer
  /** Whose usage is counted. */
  source: string
  /** The turn did not end although it was cancelled: nothing but the end of the program ends it. */
  onUnstoppable(): void
  /** How the program ended; asked for when it is gone. */
  exit(): Promise<string>
}

/** A session that the program has open. Its turns follow one another. */
export class LiveSession {
  readonly sessionId: string
  readonly acpId: string
  readonly view: SessionView
  readonly #options: LiveSessionOptions
  #turns: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #run: CommandRun | undefined
  /** Why what the program said could not be reported. */
  #fault: unknown
  /** To be told before the next turn. */
  #note: string | undefined

  constructor(options: LiveSessionOptions, note?: string) {
    this.sessionId = options.sessionId
    this.acpId = options.acpId
    this.view = options.view
    this.#options = options
    this.#note = note
  }

  /** The run whose turn it is. */
  get run(): CommandRun | undefined {
    return this.#run
  }

  get isIdle(): boolean {
    return this.#waiting === 0
  }

  /** Resolves when the turns that were asked for have ended. */
  get settled(): Promise<unknown> {
    return this.#turns
  }

  /** Prompts the program once the turns before have ended. */
  turn(run: CommandRun, blocks: ContentBlock[], text: string): Promise<CommandOutcome> {
    this.#waiting++
    const before = this.#turns
    const turn = before.then(() => this.#turn(run, blocks, text))
    this.#turns = turn
      .catch(() => {})
      .finally(() => {
        this.#waiting--
      })
    return turn
  }

  /** The program is gone. Resolves when the turns have ended and what it left open is reported. */
  async end(message: string): Promise<void> {
    await this.#turns
    try {
      this.view.end(message)
    } catch {
      // There is no room for it: the next start ends the tasks.
    }
  }

  apply(update: SessionUpdate): void {
    try {
      this.view.apply(update)
    } catch (error) {
      // The server has been away for so long that nothing more can be kept. A turn with a hole is not let go on.
      if (this.#fault !== undefined) return
      this.#fault = error
      if (this.#run !== undefined) this.#options.peer.cancel(this.acpId)
    }
  }

  async #turn(run: CommandRun, prompt: ContentBlock[], text: string): Promise<CommandOutcome> {
    const { peer, source, onUnstoppable, exit } = this.#options
    if (run.signal.aborted) return { status: 'cancelled' }
    if (peer.gone.aborted) return failed('program_ended', `The program ended before it was asked: ${await exit()}.`)
    const cancel = () => peer.cancel(this.acpId)
    let how: 'ended' | 'cancelled' = 'cancelled'
    this.#fault = undefined
    this.#run = run
    try {
      this.view.beginTurn(run, text, this.#note)
      this.#note = undefined
      run.typing()
      run.signal.addEventListener('abort', cancel, { once: true })
      run.force.addEventListener('abort', onUnstoppable, { once: true })
      const response = await peer.request('session/prompt', { sessionId: this.acpId, prompt })
      if (response?.stopReason !== 'cancelled') how = 'ended'
      const usage = usageOf(response)
      if (usage !== undefined) run.report('usage:report', { source, mode: 'delta', requestId: run.commandId, ...usage })
      if (this.#fault !== undefined) throw this.#fault
      return outcomeOfTurn(response, this.view.text, run.signal.aborted)
    } catch (error) {
      if (!peer.gone.aborted) return failureOf(error, run.signal.aborted)
      const how = await exit()
      if (run.signal.aborted) return { status: 'cancelled', detail: `The program ended: ${how}.` }
      return failed(
        'program_ended',
        `The program ended in the middle of this command; what it did is not known: ${how}.`,
      )
    } finally {
      run.signal.removeEventListener('abort', cancel)
      run.force.removeEventListener('abort', onUnstoppable)
      this.#run = undefined
      this.#endTurn(how)
    }
  }

  #endTurn(how: 'ended' | 'cancelled'): void {
    try {
      this.view.endTurn(how)
    } catch {
      // There is no room for it; the end of the run says that something is missing.
    }
  }
}
