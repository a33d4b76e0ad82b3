import { setTimeout as delay } from 'node:timers/promises'
import { AgentClient, FileJournal } from '@fleetwire/client/node'
import type { Test } from 'tap'
import { Presence } from './presence.ts'

export interface LedgerAgentOptions {
  url: string
  token: string
  agentId: string
  /** The folder of the journal. */
  folder: string
}

const PARTS = 4
/** The id of a message that never ends, in which gaps and repetitions show at once. */
export const COUNTED = 'count'

/** The complete text of each run's message. */
export const WHOLE = Array.from({ length: PARTS }, (_, i) => `${i} `).join('')

/** An agent with a journal that counts how often it runs each command. */
export class LedgerAgent {
  readonly agentId: string
  readonly runs = new Map<string, number>()
  /** Interactions whose answer took effect. */
  readonly answered = new Map<string, number>()
  readonly presence: Presence
  readonly #client: AgentClient
  #count = 0
  #counting: NodeJS.Timeout | undefined

  private constructor({ url, token, agentId }: LedgerAgentOptions, journal: FileJournal) {
    this.agentId = agentId
    this.#client = new AgentClient({
      ...{ url, token, journal, maxConcurrency: 4 },
      handlers: {
        work: async run => {
          this.runs.set(run.commandId, (this.runs.get(run.commandId) ?? 0) + 1)
          const message = run.message({ messageId: run.commandId })
          for (let part = 0; part < PARTS; part++) {
            message.append(`${part} `)
            await delay(5 + Math.random() * 20)
          }
          message.end()
          if ((run.input as { asks: boolean }).asks) await this.#ask(run.commandId, run.signal)
          return { status: 'succeeded' }
        },
      },
    })
    this.presence = new Presence(this.#client.status)
  }

  static async start(t: Test, options: LedgerAgentOptions): Promise<LedgerAgent> {
    const { folder, agentId } = options
    const journal = await FileJournal.open({ folder, agentId })
    const agent = new LedgerAgent(options, journal)
    t.teardown(async () => {
      agent.stopCounting()
      await agent.#client.stop({ graceMs: 0 })
      await journal.close()
    })
    await agent.#client.start()
    await agent.presence.back()
    return agent
  }

  /** Reports one number after another, in a separate message. */
  startCounting(everyMs: number): void {
    const ids = { sessionId: COUNTED, messageId: COUNTED }
    this.#client.report('message:start', { ...ids, role: 'assistant' })
    this.#counting = setInterval(() => {
      this.#client.report('message:delta', { ...ids, delta: `${this.#count++} ` })
    }, everyMs)
  }

  /** Stops counting, and returns how many numbers were reported. */
  stopCounting(): number {
    clearInterval(this.#counting)
    return this.#count
  }

  async #ask(commandId: string, signal: AbortSignal): Promise<void> {
    const interactionId = `int_${commandId}`
    const options = [{ id: 'yes', label: 'Yes', effect: 'allow' as const }]
    await this.#client.ask({ interactionId, commandId, kind: 'permission', title: 'May I?', options }, { signal })
    this.answered.set(interactionId, (this.answered.get(interactionId) ?? 0) + 1)
    this.#client.report('interaction:applied', { interactionId })
  }
}
