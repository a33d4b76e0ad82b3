import type { Command } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import { ranMs } from './command-state.ts'
import type { SignsOfLife } from './signs-of-life.ts'

/**
 * The clocks of a command: its time in the queue, the wait for an ack, its lease, its run time, the wait for its agent
 * to stop it, and the wait after a forced stop.
 */
export type CommandClock = 'ttl' | 'ack' | 'lease' | 'run' | 'cancel' | 'force'

export interface CommandClocksOptions {
  clock: Clock
  signs: SignsOfLife
  ackDeadlineMs: number
  leaseMs: number
  cancelDeadlineMs: number
  /**
   * Resolves with false if the log could not accept the resulting change: the clock then fires again, unless the
   * command changed.
   */
  onDue(clock: CommandClock, commandId: string): Promise<boolean>
}

/** A command's age and run time in elapsed time: values of the monotonic clock, except `startedAt`. */
interface Times {
  acceptedAt: number
  run: Run | undefined
}

/**
 * `startedAt` of the command identifies the run. `since`: when the clock started to run; undefined while it is stopped.
 */
interface Run {
  startedAt: number | undefined
  ranMs: number
  since: number | undefined
}

const FORCE_GRACE_MS = 5000
/** Delay before a retry when the log could not accept. */
const RETRY_MS = 1000

/**
 * The clocks of the commands that have not ended. They follow the log and measure elapsed time; the wall clock is read
 * only once, for commands that a start finds in the log.
 */
export class CommandClocks {
  readonly #options: CommandClocksOptions
  readonly #clock: Clock
  readonly #deadlines: Deadlines<`${CommandClock} ${string}`>
  /** Kept while stopped, so that commands that still exist at the next start continue. */
  readonly #times = new Map<string, Times>()
  readonly #signs: SignsOfLife
  #isRunning = false

  constructor(options: CommandClocksOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#signs = options.signs
    this.#deadlines = new Deadlines(options.clock)
  }

  /** Ack deadlines and leases start over. */
  start(commands: Iterable<Command>): void {
    this.#isRunning = true
    this.#deadlines.start()
    const known = new Map(this.#times)
    this.#times.clear()
    for (const command of commands) {
      const { commandId } = command
      const times = known.get(commandId)
      const ageMs = Math.max(0, this.#clock.now() - command.createdAt)
      const acceptedAt = times?.acceptedAt ?? this.#clock.monotonic() - ageMs
      this.#times.set(commandId, {
        acceptedAt,
        run: this.#runOf(command, times?.run, ranMs(command, this.#clock.now())),
      })
      this.#arm(command, undefined)
    }
  }

  stop(): void {
    this.#isRunning = false
    this.#deadlines.stop()
    this.#signs.clear()
  }

  /** Starts the clocks that the state of a command requires, and stops the others. */
  watch(command: Command, before: Command | undefined): void {
    const { commandId, endedAt } = command
    if (endedAt === undefined) {
      const times = this.#times.get(commandId)
      const acceptedAt = times?.acceptedAt ?? this.#clock.monotonic()
      this.#times.set(commandId, { acceptedAt, run: this.#runOf(command, times?.run, 0) })
    } else this.#times.delete(commandId)
    this.#arm(command, before)
  }

  #arm(command: Command, before: Command | undefined): void {
    const { commandId, status, attempt, cancelRequestedAt, queueTtlMs } = command
    const { ackDeadlineMs, leaseMs, cancelDeadlineMs } = this.#options
    const isRunning = status === 'running'
    const isDispatched = status === 'dispatched'
    const isCancelling = cancelRequestedAt !== undefined && (isRunning || isDispatched)
    /** `fresh`: restart the clock even if it already runs. */
    const set = (clock: CommandClock, delayMs: number | undefined, fresh: boolean) => {
      if (delayMs === undefined) {
        if (before !== undefined) this.#deadlines.clear(`${clock} ${commandId}`)
      } else if (fresh || !this.#deadlines.has(`${clock} ${commandId}`)) this.#set(clock, commandId, delayMs)
    }

    if (isRunning && before?.status !== 'running') this.#signs.heard(commandId)
    else if (!isRunning) this.#signs.forget(commandId)
    const waits = status === 'queued' || isDispatched
    set('ttl', waits ? this.#ttlLeft(command) : undefined, queueTtlMs !== before?.queueTtlMs)
    set('ack', isDispatched ? ackDeadlineMs : undefined, attempt !== before?.attempt)
    set('lease', isRunning ? leaseMs : undefined, false)
    set('run', this.#runLeft(command), true)
    const isForced = this.#deadlines.has(`force ${commandId}`)
    set('cancel', isCancelling && !isForced ? cancelDeadlineMs : undefined, false)
    if (!isCancelling) set('force', undefined, false)
  }

  #ttlLeft({ commandId, queueTtlMs }: Command): number {
    return this.#times.get(commandId)!.acceptedAt + queueTtlMs - this.#clock.monotonic()
  }

  /** Undefined while the run clock is stopped, and if there is no limit. */
  #runLeft({ commandId, runTimeoutMs, cancelRequestedAt }: Command): number | undefined {
    const run = this.#times.get(commandId)?.run
    if (run?.since === undefined || runTimeoutMs === 0 || cancelRequestedAt !== undefined) return undefined
    return runTimeoutMs - run.ranMs - (this.#clock.monotonic() - run.since)
  }

  /** `ranMs`: how long the command has run, if that is not known yet. */
  #runOf(command: Command, known: Run | undefined, ranMs: number): Run | undefined {
    const { status, startedAt, waitingSince } = command
    if (status !== 'running') return undefined
    const now = this.#clock.monotonic()
    const run = known !== undefined && known.startedAt === startedAt ? known : { ranMs, since: undefined }
    const counted = run.ranMs + (run.since === undefined ? 0 : now - run.since)
    return { startedAt, ranMs: counted, since: waitingSince === undefined ? now : undefined }
  }

  #set(clock: CommandClock, commandId: string, delayMs: number): void {
    this.#deadlines.set(`${clock} ${commandId}`, delayMs, () => this.#fire(clock, commandId))
  }

  #fire(clock: CommandClock, commandId: string): void {
    const { leaseMs, cancelDeadlineMs, onDue } = this.#options
    if (clock === 'lease') {
      const leftMs = (this.#signs.heardAt(commandId) ?? 0) + leaseMs - this.#clock.monotonic()
      if (leftMs > 0) {
        this.#set(clock, commandId, leftMs)
        return
      }
    }
    if (clock === 'cancel') this.#set('force', commandId, Math.min(FORCE_GRACE_MS, cancelDeadlineMs))
    void onDue(clock, commandId).then(done => {
      if (!done && this.#isRunning && !this.#deadlines.has(`${clock} ${commandId}`))
        this.#set(clock, commandId, RETRY_MS)
    })
  }
}
