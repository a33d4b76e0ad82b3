import { AgentClient, type CommandRun } from '@fleetwire/client/node'
import type { CommandOutcome } from '@fleetwire/protocol'
import { between, pause } from './pause.ts'

export interface SyntheticAgentsOptions {
  agents: { agentId: string; token: string }[]
  url: string
  version: string
}

/** Avoids that a thousand agents connect at the same moment. */
const STARTS_AT_ONCE = 50
const STARTS_PAUSE_MS = 100
const STEPS = 10
const STEP_MS = { least: 500, most: 3000 }
const teams = ['north', 'east', 'south', 'west']

/**
 * Agents that only wait, to try a large fleet in one process. Each has its own real connection and runs real commands,
 * but does nothing and says so in the output.
 */
export class SyntheticAgents {
  readonly #clients: AgentClient[]
  #isStopped = false

  constructor({ agents, url, version }: SyntheticAgentsOptions) {
    this.#clients = agents.map(
      ({ agentId, token }, i) =>
        new AgentClient({
          ...{ url, token, version, kind: 'synthetic' },
          name: agentId.replace('synthetic-', 'Synthetic '),
          labels: { synthetic: 'true', team: teams[i % teams.length]!, env: 'demo' },
          handlers: { prompt: wait },
        }),
    )
  }

  async start(): Promise<void> {
    for (let i = 0; i < this.#clients.length && !this.#isStopped; i += STARTS_AT_ONCE) {
      await Promise.all(this.#clients.slice(i, i + STARTS_AT_ONCE).map(client => client.start()))
      await pause(STARTS_PAUSE_MS)
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#clients.map(client => client.stop({ graceMs })))
  }
}

async function wait(run: CommandRun): Promise<CommandOutcome> {
  const stepMs = between(STEP_MS.least, STEP_MS.most)
  for (let step = 1; step <= STEPS; step++) {
    await pause(stepMs, run.signal)
    run.progress({ progress: step / STEPS, message: `Waiting: ${step} of ${STEPS}` })
  }
  const seconds = ((stepMs * STEPS) / 1000).toFixed(1)
  return { status: 'succeeded', output: `Waited ${seconds} s. This agent is synthetic: it does nothing else.` }
}
