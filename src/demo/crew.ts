import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from '../clock.ts'
import type { DemoAgentId } from './demo-agents.ts'

/** What a process of the crew is told; it is not in its environment or arguments, where others could read the token. */
export type CrewOrder =
  | { do: 'agent'; agentId: DemoAgentId; url: string; token: string; folder: string }
  | { do: 'synthetic'; agents: { agentId: string; token: string }[]; url: string }
  | { do: 'stop' }

export interface CrewOptions {
  /** The program of each process (`src/cli/demo-agent.ts`). */
  main: string
  env: Record<string, string | undefined>
  onNote(message: string): void
}

interface Member {
  name: string
  order: CrewOrder
  child: ChildProcess
  /** When it was started, for each time. */
  starts: number[]
}

const RESTART_AFTER_MS = 2000
const MAX_STARTS = 5
const STARTS_WITHIN_MS = 60_000
/** Longer than a polite end of what runs takes. */
const STOP_WITHIN_MS = 8000

/**
 * The processes of the demo's agents. One that ends by itself is started again, as a supervisor would. The channel to
 * each ends with this process, however that ends, and the other side stops with it.
 */
export class Crew {
  readonly #options: CrewOptions
  readonly #members = new Set<Member>()
  #isStopping = false

  constructor(options: CrewOptions) {
    this.#options = options
  }

  start(name: string, order: CrewOrder): void {
    if (this.#isStopping) return
    const member: Member = { name, order, child: this.#fork(), starts: [systemClock.monotonic()] }
    this.#members.add(member)
    this.#watch(member)
  }

  /** Resolves when every process has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const children = Array.from(this.#members, ({ child }) => child).filter(isRunning)
    const deadline = systemClock.setTimeout(() => {
      for (const child of children) child.kill('SIGKILL')
    }, STOP_WITHIN_MS)
    await Promise.all(
      children.map(child => {
        const ended = once(child, 'exit')
        tell(child, { do: 'stop' })
        return ended
      }),
    )
    deadline.cancel()
  }

  #fork(): ChildProcess {
    const { main, env } = this.#options
    return fork(main, [], { env: env as NodeJS.ProcessEnv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  }

  #watch(member: Member): void {
    const { child } = member
    // What happens to a process whose start fails is told by its exit.
    child.on('error', () => {})
    tell(child, member.order)
    child.once('exit', (code, signal) => {
      if (this.#isStopping) return
      const { name, starts } = member
      this.#options.onNote(`The agent "${name}" ended (${signal ?? code}).`)
      const now = systemClock.monotonic()
      member.starts = [...starts.filter(at => now - at < STARTS_WITHIN_MS), now]
      if (member.starts.length > MAX_STARTS)
        return this.#options.onNote(`"${name}" ends too often: it is not restarted any more.`)
      systemClock.setTimeout(() => {
        if (this.#isStopping) return
        this.#options.onNote(`"${name}" is restarted.`)
        member.child = this.#fork()
        this.#watch(member)
      }, RESTART_AFTER_MS)
    })
  }
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

/** A channel that is gone takes nothing, and needs nothing. */
function tell(child: ChildProcess, order: CrewOrder): void {
  if (child.connected) child.send(order, () => {})
}
