import type { Clock, Timer } from '../clock.ts'
import { isAlive, type NamedProcess, type SessionProcesses } from './session-processes.ts'
import { Settling } from './settling.ts'

export interface StopDelays {
  /** Time between SIGINT and SIGTERM. */
  termAfterMs: number
  /** Time between SIGTERM and SIGKILL. */
  killAfterMs: number
  /** Time between SIGHUP and SIGKILL, for processes that the shell left behind. */
  hangupMs: number
}

interface Step {
  signal: NodeJS.Signals
  delayMs: number
}

/** The cost of a check grows with the number of processes on the machine, so slow sessions are checked less often. */
const FIRST_LOOK_MS = 20
const LOOK_SHARE = 0.1
const LAST_LOOK_MS = 500
const REPEAT_MS = 100
/** A process that survives SIGKILL for this long is stuck in the kernel or belongs to another user. */
const GIVE_UP_MS = 5000

export interface Finished {
  result: 'gone' | 'stuck'
  /** Names of the processes that the command left behind and that were ended without a stop request. */
  ended: string[]
}

/** Ends the processes of a session, gracefully at first. */
export class SessionStop {
  readonly #processes: SessionProcesses
  readonly #clock: Clock
  readonly #delays: StopDelays
  readonly #gone: Promise<'gone' | 'stuck'>
  #settle: (result: 'gone' | 'stuck') => void = () => {}
  #escalation: Timer | undefined
  #poll: Timer | undefined
  #repeat: Timer | undefined
  #killed = false

  constructor(processes: SessionProcesses, clock: Clock, delays: StopDelays) {
    this.#processes = processes
    this.#clock = clock
    this.#delays = delays
    this.#gone = new Promise(resolve => {
      this.#settle = resolve
    })
  }

  interrupt(): void {
    const { termAfterMs, killAfterMs } = this.#delays
    this.#climb([
      { signal: 'SIGINT', delayMs: termAfterMs },
      { signal: 'SIGTERM', delayMs: killAfterMs },
    ])
    // A signal that arrives between a shell's fork and exec runs the shell's handler in the child and is lost at the
    // exec. So it is sent again, but not to processes that catch it: many programs abandon their clean-up on a second
    // SIGINT.
    const reached = this.#processes.pids()
    this.#repeat = this.#clock.setInterval(() => this.#processes.signalAgain('SIGINT', reached), REPEAT_MS)
  }

  /** Ends the session as a closed terminal or a supervisor would. SIGHUP follows, as interactive shells need that. */
  terminate(signal: NodeJS.Signals): void {
    const { termAfterMs, hangupMs } = this.#delays
    this.#climb([
      { signal, delayMs: termAfterMs },
      { signal: 'SIGHUP', delayMs: hangupMs },
    ])
  }

  kill(): void {
    this.#climb([])
  }

  /**
   * Called when the leader has ended. Ends the processes that it left behind, except those that leave the session;
   * freshly forked ones get time to do so. Resolves when none is left or nothing more can be done.
   */
  async finish(): Promise<Finished> {
    let left: NamedProcess[] = []
    // A stop was requested, so no process gets time to leave the session.
    if (this.#escalation !== undefined && !this.#killed) this.#processes.signal('SIGHUP')
    const settling = new Settling(this.#processes, this.#clock)
    const begin = this.#clock.monotonic()
    const look = () => {
      const pids = this.#processes.pids()
      if (pids.length === 0) return this.#end('gone')
      if (this.#escalation === undefined && !this.#killed && settling.isOver(pids)) {
        left = this.#processes.named()
        this.#climb([{ signal: 'SIGHUP', delayMs: this.#delays.hangupMs }])
      }
      // Polls, since the processes are not our children and the system does not report their end.
      const delayMs = Math.min(FIRST_LOOK_MS + LOOK_SHARE * (this.#clock.monotonic() - begin), LAST_LOOK_MS)
      this.#poll = this.#clock.setTimeout(look, delayMs)
    }
    look()
    const result = await this.#gone
    this.#poll?.cancel()
    return { result, ended: left.filter(process => !isAlive(process)).map(({ name }) => name) }
  }

  #climb([step, ...rest]: Step[]): void {
    this.#escalation?.cancel()
    this.#repeat?.cancel()
    if (step === undefined) {
      this.#killed = true
      this.#processes.signal('SIGKILL')
      this.#escalation = this.#clock.setTimeout(() => this.#end('stuck'), GIVE_UP_MS)
      return
    }
    this.#processes.signal(step.signal)
    // A stopped process reacts only to this signal and SIGKILL.
    this.#processes.signal('SIGCONT')
    this.#escalation = this.#clock.setTimeout(() => this.#climb(rest), step.delayMs)
  }

  #end(result: 'gone' | 'stuck'): void {
    this.#escalation?.cancel()
    this.#repeat?.cancel()
    this.#settle(result)
  }
}
