import type { Clock, Timer } from '../clock.ts'
import { isAlive, type NamedProcess, type SessionProcesses } from './session-processes.ts'
import { Settling } from './settling.ts'

export interface StopDelays {
  /** Between SIGINT and SIGTERM. */
  termAfterMs: number
  /** Between SIGTERM and SIGKILL. */
  killAfterMs: number
  /** Between SIGHUP, for what the shell left behind, and SIGKILL. */
  hangupMs: number
}

interface Step {
  signal: NodeJS.Signals
  delayMs: number
}

const POLL_MS = 20
const REPEAT_MS = 100
/** A process that survives SIGKILL this long hangs in the kernel or belongs to somebody else. */
const GIVE_UP_MS = 5000

export interface Finished {
  result: 'gone' | 'stuck'
  /** Names of the processes that were left behind and have been ended, not at anybody's request. */
  ended: string[]
}

/** Ends the processes of a session, politely first. */
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
    // A signal between a shell's fork and exec is taken by the shell's handler in the child and forgotten by the exec.
    // Whoever caught it is not told twice: to many programs a second SIGINT means to give up their clean-up.
    const reached = this.#processes.pids()
    this.#repeat = this.#clock.setInterval(() => this.#processes.signalAgain('SIGINT', reached), REPEAT_MS)
  }

  kill(): void {
    this.#climb([])
  }

  /**
   * The leader has ended: whoever it left behind is ended too, unless it leaves the session, which just-forked processes
   * are given the time for. Resolves when nobody is left, or when nothing more can be done about it.
   */
  async finish(): Promise<Finished> {
    let left: NamedProcess[] = []
    // Somebody asked for the end, and the shell has ended: nobody is given time to leave the session.
    if (this.#escalation !== undefined && !this.#killed) this.#processes.signal('SIGHUP')
    const settling = new Settling(this.#processes, this.#clock)
    const look = () => {
      if (!this.#processes.isAlive()) this.#end('gone')
      else if (this.#escalation === undefined && !this.#killed && settling.isOver()) {
        left = this.#processes.named()
        this.#climb([{ signal: 'SIGHUP', delayMs: this.#delays.hangupMs }])
      }
    }
    look()
    // They are nobody's children here, so nobody tells of their end.
    this.#poll = this.#clock.setInterval(look, POLL_MS)
    const result = await this.#gone
    this.#poll.cancel()
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
    // A stopped process acts on no signal but this one and SIGKILL.
    this.#processes.signal('SIGCONT')
    this.#escalation = this.#clock.setTimeout(() => this.#climb(rest), step.delayMs)
  }

  #end(result: 'gone' | 'stuck'): void {
    this.#escalation?.cancel()
    this.#repeat?.cancel()
    this.#settle(result)
  }
}
