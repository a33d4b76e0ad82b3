import { type WireError, wireError } from '@fleetwire/protocol'
import type { AgentDirectory } from './agent-directory.ts'
import type { CommandLedger } from './command-ledger.ts'
import type { SubmitRequest } from './command-types.ts'

const RETRY_AFTER_MS = 1000

/** Decides whether an agent can take one more command. Submissions that are on their way to the log count as queued. */
export class QueueAdmission {
  readonly #ledger: CommandLedger
  readonly #agents: Pick<AgentDirectory, 'maxConcurrency'>
  readonly #limit: number
  /** By agent: submissions that are neither in the ledger nor refused yet. */
  readonly #arriving = new Map<string, number>()

  constructor({
    ledger,
    agents,
    queueLimit,
  }: { ledger: CommandLedger; agents: Pick<AgentDirectory, 'maxConcurrency'>; queueLimit: number }) {
    this.#ledger = ledger
    this.#agents = agents
    this.#limit = queueLimit
  }

  /** Why the agent cannot take this command now; undefined if it can. */
  refusal({ agentId, whenBusy }: SubmitRequest): WireError | undefined {
    const { inFlight, waiting: queued } = this.#ledger.liveOf(agentId)
    const waiting = queued + (this.#arriving.get(agentId) ?? 0)
    if (whenBusy === 'reject' && (waiting > 0 || inFlight.length >= this.#agents.maxConcurrency(agentId))) {
      const running = inFlight.map(({ commandId }) => commandId)
      return wireError('conflict', `Agent "${agentId}" is busy.`, { running, queued: waiting })
    }
    if (waiting < this.#limit) return undefined
    const message = `${waiting} commands are already waiting for agent "${agentId}"; the limit is ${this.#limit}.`
    return wireError('queue_full', message, { retryAfterMs: RETRY_AFTER_MS })
  }

  /** Counts a submission. The caller calls the returned function once the ledger has the command, or the log refused it. */
  arrive(agentId: string): () => void {
    this.#arriving.set(agentId, (this.#arriving.get(agentId) ?? 0) + 1)
    return () => {
      const left = this.#arriving.get(agentId)! - 1
      if (left === 0) this.#arriving.delete(agentId)
      else this.#arriving.set(agentId, left)
    }
  }
}
