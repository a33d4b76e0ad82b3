import type { CloseCode } from '@fleetwire/protocol'
import type { Sink } from '../broadcast/subscriber.ts'
import type { EventBatch } from '../frames/frame-encoder.ts'
import { sseFrame } from '../frames/sse-frame.ts'
import { type AgUiEvent, forOldClients } from './ag-ui-event.ts'
import { type FramePlace, formatFrameId } from './frame-id.ts'
import type { AgUiFrame, RunFold } from './run-fold.ts'

/** The destination of frames: a response of server-sent events. */
export interface FrameSink {
  readonly isOpen: boolean
  write(frame: Buffer): void
  /** Ends the response once everything was sent. */
  finish(): void
  drained(): Promise<void>
}

/** Where a client starts. `now`: it joins, and first gets what it missed. */
export type RunStart = FramePlace | 'now'

type State =
  | { name: 'frames'; after: number }
  /** Waits until the fold reaches the join position: frame `at`, or the current end of the log. */
  | { name: 'ahead'; at: number | undefined; skip: number }
  | { name: 'over' }

/** One client of one run: turns log events into AG-UI frames, starting from the client's position. */
export class RunStream implements Sink {
  readonly #fold: RunFold
  readonly #out: FrameSink
  readonly #isOld: boolean
  #state: State

  constructor(fold: RunFold, out: FrameSink, { start, isOld }: { start: RunStart; isOld: boolean }) {
    this.#fold = fold
    this.#out = out
    this.#isOld = isOld
    this.#state =
      start === 'now'
        ? { name: 'ahead', at: undefined, skip: 0 }
        : start.ahead === undefined
          ? { name: 'frames', after: start.n }
          : { name: 'ahead', at: start.n + 1, skip: start.ahead }
    this.#take(fold.begin())
  }

  /** The client has received the end of the run, or is about to. */
  get isOver(): boolean {
    return this.#state.name === 'over'
  }

  get isOpen(): boolean {
    return this.#out.isOpen && !this.isOver
  }

  deliver(batch: EventBatch): void {
    for (const { event } of batch.events) {
      if (this.isOver) return
      this.#take(this.#fold.apply(event))
    }
  }

  replay(batch: EventBatch): void {
    this.deliver(batch)
  }

  drained(): Promise<void> {
    return this.#out.drained()
  }

  send(type: string): void {
    if (this.isOver) return
    if (type === 'resume:done') this.#caughtUp()
    else if (type === 'resync:required' || type === 'snapshot') this.fail(GONE)
  }

  /** Ends the stream with an error that is not the run's own. The run continues. */
  fail(error: Extract<AgUiEvent, { type: 'RUN_ERROR' }>): void {
    if (this.isOver) return
    this.#state = { name: 'over' }
    this.#out.write(sseFrame({ data: JSON.stringify(error) }))
    this.#out.finish()
  }

  #take(frames: readonly AgUiFrame[]): void {
    if (this.#state.name === 'frames')
      for (const { n, event } of frames) if (n > this.#state.after) this.#push(event, { n })
    if (this.#state.name === 'ahead' && this.#state.at !== undefined && this.#fold.n >= this.#state.at) this.#join()
    this.#endIfOver()
  }

  /** The log was read to its end. */
  #caughtUp(): void {
    if (this.#state.name === 'ahead' && this.#state.at === undefined) this.#join()
    else if (this.#state.name === 'ahead' || this.#isAhead) this.fail(AHEAD)
    this.#endIfOver()
  }

  /** The client claims to have frames that never existed. */
  get #isAhead(): boolean {
    return this.#state.name === 'frames' && this.#state.after > this.#fold.n
  }

  #join(): void {
    const skip = this.#state.name === 'ahead' ? this.#state.skip : 0
    const events = this.#fold.prelude()
    const { n } = this.#fold
    for (const [i, event] of events.entries()) {
      if (i >= skip) this.#push(event, i === events.length - 1 ? { n } : { n: n - 1, ahead: i + 1 })
    }
    this.#state = { name: 'frames', after: n }
    this.#endIfOver()
  }

  #endIfOver(): void {
    if (this.#state.name !== 'frames' || !this.#fold.isOver) return
    if (this.#isAhead) this.fail(AHEAD)
    else {
      this.#state = { name: 'over' }
      this.#out.finish()
    }
  }

  #push(event: AgUiEvent, place: FramePlace): void {
    const told = this.#isOld ? forOldClients(event) : event
    if (told === undefined) return
    this.#out.write(sseFrame({ id: formatFrameId(this.#fold.run.runId, place), data: JSON.stringify(told) }))
  }
}

const GONE = {
  type: 'RUN_ERROR',
  message: 'The beginning of the run left the log. What the agent said is in the transcript of its session.',
  code: 'CURSOR_GONE',
} as const
const AHEAD = {
  type: 'RUN_ERROR',
  message: 'The run has not reached the given Last-Event-ID: join it without one.',
  code: 'CURSOR_AHEAD',
} as const

const reasons: Partial<Record<CloseCode, [code: string, message: string]>> = {
  1012: ['SERVER_RESTARTING', 'The server is restarting. The run goes on: continue with Last-Event-ID.'],
  4401: ['UNAUTHORIZED', 'The token expired or was revoked. The run goes on: continue with another token.'],
  4403: ['FORBIDDEN', 'The connection was closed by an administrator. The run goes on.'],
  4408: ['NO_SIGN_OF_LIFE', 'The client is not reading. The run goes on: continue with Last-Event-ID.'],
  4508: ['SLOW_CONSUMER', 'The client reads too slowly. The run goes on: continue with Last-Event-ID.'],
}

/**
 * The last frame of a stream that ends before its run. Clients take a stream that ends without one for a successful
 * run, and a connection that is cut off crashes their process. It has no id, so clients resume after the run's last
 * frame.
 */
export function farewellOf(closeCode: CloseCode): string {
  const [code, message] = reasons[closeCode] ?? ['CONNECTION_CLOSED', 'The connection was closed. The run goes on.']
  const error: AgUiEvent = { type: 'RUN_ERROR', message, code }
  return `data: ${JSON.stringify(error)}\n\n`
}
