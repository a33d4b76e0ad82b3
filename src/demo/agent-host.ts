import { join } from 'node:path'
import { AgentClient } from '@fleetwire/client/node'
import { systemClock, type Timer } from '../clock.ts'
import { archivist } from './archivist.ts'
import { cleaner } from './cleaner.ts'
import { type DemoAgentId, demoAgents } from './demo-agents.ts'
import { explainer } from './explainer.ts'
import { linkChecker } from './link-checker.ts'
import type { Part, Surroundings } from './part.ts'
import { used } from './process-tree.ts'
import { shellAgent } from './shell-agents.ts'
import { foldersIn } from './workplace.ts'

export interface AgentHostOptions {
  agentId: DemoAgentId
  url: string
  token: string
  /** The temporary folder of the demo. */
  folder: string
  version: string
  env: Record<string, string | undefined>
  onError(message: string): void
}

const MEASURE_MS = 2000

const parts: { [K in DemoAgentId]: (surroundings: Surroundings) => Part } = {
  'test-runner': shellAgent,
  explainer,
  cleaner,
  'link-checker': linkChecker,
  archivist,
  repl: shellAgent,
}

/** One agent of the demo: its part, its connection, and the metrics of its process. */
export class AgentHost {
  readonly #part: Part
  readonly #client: AgentClient
  #measuring: Timer | undefined
  #before = { cpuSeconds: 0, at: 0 }

  constructor({ agentId, url, token, folder, version, env, onError }: AgentHostOptions) {
    const { project, scratch } = foldersIn(folder)
    const own = demoAgents.find(agent => agent.agentId === agentId)!
    this.#part = parts[agentId]({ project, scratch: join(scratch, agentId), env, client: () => this.#client })
    const { kind, handlers, maxConcurrency = 1 } = this.#part
    this.#client = new AgentClient({
      ...{ url, token, name: own.name, kind, version, maxConcurrency },
      handlers: { ...handlers, status: () => ({ status: 'succeeded', output: this.#status() }) },
      labels: { ...own.labels, env: 'demo' },
      onError: error => onError(`${agentId}: ${error.message}`),
    })
  }

  async start(): Promise<void> {
    await this.#part.begin?.()
    await this.#client.start()
    this.#before = { cpuSeconds: used().cpuSeconds, at: systemClock.monotonic() }
    this.#measuring = systemClock.setInterval(() => this.#measure(), MEASURE_MS)
  }

  /** Interrupts running commands, and reports that if connected. */
  async stop(graceMs: number): Promise<void> {
    this.#measuring?.cancel()
    await this.#client.stop({ graceMs })
    await this.#part.end?.()
  }

  #status(): string {
    const minutes = Math.floor(process.uptime() / 60)
    const mebibytes = Math.round(used().memoryBytes / 2 ** 20)
    return `Well: up for ${minutes} min as process ${process.pid}, ${mebibytes} MiB, Node ${process.version}`
  }

  /** Reports metrics; `cpu` is in cores: 0.5 is half a core. */
  #measure(): void {
    const { cpuSeconds, memoryBytes } = used()
    const at = systemClock.monotonic()
    // The sum shrinks when a program ends, since its CPU time is then missing.
    const cpu = Math.max(0, (cpuSeconds - this.#before.cpuSeconds) / ((at - this.#before.at) / 1000))
    this.#before = { cpuSeconds, at }
    this.#client.report('agent:metrics', { cpu: Math.round(cpu * 1000) / 1000, memoryBytes, ...this.#part.measure?.() })
  }
}
