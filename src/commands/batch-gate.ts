import { type Command, isFinal } from '@fleetwire/protocol'
import { Listeners } from '../listeners.ts'

/** `maxParallel`: how many commands of the batch may be under way at once. `stopOnFailures`: how many failures stop the rest. */
export interface BatchLimits {
  maxParallel?: number
  stopOnFailures?: number
}

export const failingStatuses = ['failed', 'timed_out', 'lost', 'rejected', 'expired'] as const

interface Batch {
  limits: BatchLimits
  failures: number
  readonly inFlight: Set<string>
  /** The agent of each waiting command, in the order of submission. */
  readonly waiting: Map<string, string>
}

/**
 * Holds back commands of a batch while `maxParallel` of them are under way. Commands without a batch are not affected.
 */
export class BatchGate {
  readonly #batches = new Map<string, Batch>()
  readonly #onFree = new Listeners<[agentId: string]>()
  readonly #onFailures = new Listeners<[parentId: string]>()

  /**
   * Calls the listener with each agent whose held commands may be dispatched now. Returns a function to unsubscribe.
   */
  onFree(listener: (agentId: string) => void): () => void {
    return this.#onFree.add(listener)
  }

  /** Calls the listener with each batch that has reached `stopOnFailures`. */
  onFailures(listener: (parentId: string) => void): () => void {
    return this.#onFailures.add(listener)
  }

  /** Must be called before the batch's commands are in the log, or one could slip through. */
  add(parentId: string, limits: BatchLimits, failures = 0): void {
    if (limits.maxParallel === undefined && limits.stopOnFailures === undefined) return
    this.#batches.set(parentId, { limits, failures, inFlight: new Set(), waiting: new Map() })
  }

  forget(parentId: string): void {
    this.#batches.delete(parentId)
  }

  clear(): void {
    this.#batches.clear()
  }

  /** False while the batch of a queued command has `maxParallel` commands under way. */
  isOpen({ parentId, commandId }: Command): boolean {
    const batch = parentId === undefined ? undefined : this.#batches.get(parentId)
    return batch === undefined || batch.inFlight.has(commandId) || batch.inFlight.size < maxOf(batch)
  }

  /** Counts a command that is about to be dispatched. */
  enter({ parentId, commandId }: Command): void {
    if (parentId !== undefined) this.#batches.get(parentId)?.inFlight.add(commandId)
  }

  /**
   * Must be called for every change of a command, in log order, and for a command that entered but was not dispatched.
   */
  changed(command: Command): void {
    const { parentId, commandId, agentId, status } = command
    const batch = parentId === undefined ? undefined : this.#batches.get(parentId)
    if (parentId === undefined || batch === undefined) return
    const wasInFlight = batch.inFlight.has(commandId)
    if (status === 'queued') {
      batch.inFlight.delete(commandId)
      batch.waiting.set(commandId, agentId)
    } else if (isFinal(status)) {
      batch.inFlight.delete(commandId)
      batch.waiting.delete(commandId)
      if ((failingStatuses as readonly string[]).includes(status) && ++batch.failures === batch.limits.stopOnFailures) {
        this.#onFailures.tell(parentId)
      }
      if (batch.inFlight.size + batch.waiting.size === 0) this.#batches.delete(parentId)
    } else {
      batch.inFlight.add(commandId)
      batch.waiting.delete(commandId)
    }
    if (wasInFlight && !batch.inFlight.has(commandId)) this.#free(batch)
  }

  #free(batch: Batch): void {
    for (const agentId of new Set(batch.waiting.values())) {
      if (batch.inFlight.size >= maxOf(batch)) return
      this.#onFree.tell(agentId)
    }
  }
}

const maxOf = ({ limits }: Batch): number => limits.maxParallel ?? Number.POSITIVE_INFINITY
