import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from '../clock.ts'
import type { DemoAgentId } from './demo-agents.ts'

/** An order to a process of the crew. Sent over IPC: others could read the token in the environment or arguments. */
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
  /** The times at which it was started. */
  starts: number[]
}

const RESTART_AFTER_MS = 2000
const MAX_STARTS = 5
const STARTS_WITHIN_MS = 60_000
/** Longer than running commands need to end by themselves. */
const STOP_WITHIN_MS = 8000

/**
 * The processes of the demo's agents. A process that ends by itself is restarted, as a supervisor would do. The IPC
 * channels close when this process ends, however it ends, and the agents' processes then stop.
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
    // A failed start is handled by the `exit` event.
    child.on('error', () => {})
    tell(child, member.order)
    child.once('exit', (code, signal) => {
      if (this.#isStopping) return
      const { name, starts } = member
      this.#options.onNote(`The agent "${name}" has ended (${signal ?? code}).`)
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

/** Does nothing if the channel is closed: that already stops the process. */
function tell(child: ChildProcess, order: CrewOrder): void {
  if (child.connected) child.send(order, () => {})
}
