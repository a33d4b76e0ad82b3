import { type Interaction, topics } from '@fleetwire/protocol'
import { inProcess } from '../../../src/caller.ts'
import type { SubmitRequest } from '../../../src/commands/command-types.ts'
import type { Fleet } from '../../../src/fleet.ts'
import type { SimulatedCluster } from './cluster.ts'

/** How long a caller waits for an answer before it repeats the request. */
const ANSWER_MS = 6000
const AGAIN_MS = 200

/** The outcome of one request: accepted, or refused permanently; undefined: try again. */
type Verdict<T> = { accepted: T } | { refused: string } | undefined

/** A client that sends requests, retries without an answer or while no node accepts, and records accepted requests. */
export class SimulatedCaller {
  /** The command of each request that was accepted. */
  readonly accepted = new Map<string, string>()
  readonly answered = new Set<string>()
  readonly interrupted = new Set<string>()
  /** Requests that have not been answered. */
  readonly pending = new Set<string>()
  readonly #name: string
  readonly #world: SimulatedCluster
  #n = 0

  constructor(name: string, world: SimulatedCluster) {
    this.#name = name
    this.#world = world
  }

  /** Resolves with the id of the command when it is accepted. */
  async submit(
    agentId: string,
    kind: 'shell' | 'ask',
    onLost: 'requeue' | 'fail' = 'fail',
  ): Promise<string | undefined> {
    const idempotencyKey = `${this.#name}-${++this.#n}`
    const request: SubmitRequest = { agentId, kind, input: kind, onLost, createdBy: this.#name, idempotencyKey }
    const verdict = await this.#ask(idempotencyKey, async (fleet): Promise<Verdict<string>> => {
      const result = await fleet.commandQueue.submit(request)
      if (result.status !== 'refused') return { accepted: result.command.commandId }
      return result.error.retryable || result.error.code === 'not_found' ? undefined : { refused: result.error.message }
    })
    if ('refused' in verdict) {
      // Only this caller uses this key, and the queues are never full.
      this.#world.flaw(`${idempotencyKey} was refused: ${verdict.refused}`)
      return undefined
    }
    const before = this.accepted.get(idempotencyKey)
    if (before !== undefined) this.#world.flaw(`${idempotencyKey} is ${before} and ${verdict.accepted}`)
    this.accepted.set(idempotencyKey, verdict.accepted)
    return verdict.accepted
  }

  async interrupt(commandId: string): Promise<void> {
    const verdict = await this.#ask(`the interrupt of ${commandId}`, async (fleet): Promise<Verdict<true>> => {
      const result = await fleet.commandQueue.interrupt(commandId, inProcess)
      if (result.status === 'ok') return { accepted: true }
      // A node that was replaced and does not know it yet may not know the command.
      return result.error.retryable || result.error.code === 'not_found' ? undefined : { refused: result.error.message }
    })
    if ('refused' in verdict) this.#world.flaw(`the interrupt of ${commandId} was refused: ${verdict.refused}`)
    else this.interrupted.add(commandId)
  }

  async answer(interactionId: string): Promise<void> {
    const actor = { by: this.#name, via: 'rest' as const }
    const verdict = await this.#ask(`the answer to ${interactionId}`, async (fleet): Promise<Verdict<true>> => {
      const result = await fleet.interactions.respond(interactionId, { optionId: 'yes' }, { ...inProcess, actor })
      if (result.status === 'ok') return { accepted: true }
      return result.error.retryable || result.error.code === 'not_found' ? undefined : { refused: result.error.code }
    })
    // The question may have been cancelled in the meantime.
    if ('accepted' in verdict) this.answered.add(interactionId)
  }

  /**
   * Answers a question from any node at once, through any active node, which may not have it yet. A refusal is wrong
   * unless the question has ended after `seq`, where it was shown.
   */
  async answerShown({ interactionId, agentId }: Interaction, seq: number): Promise<void> {
    const actor = { by: this.#name, via: 'ws' as const }
    const answer = async ({ interactions }: Fleet): Promise<Verdict<true>> => {
      const result = await interactions.respond(interactionId, { optionId: 'yes' }, { ...inProcess, actor })
      if (result.status === 'ok') return { accepted: true }
      return result.error.retryable ? undefined : { refused: result.error.message }
    }
    const verdict = await this.#ask(`the early answer to ${interactionId}`, answer, true)
    if ('accepted' in verdict) this.answered.add(interactionId)
    else if (!this.#world.hasClosed(topics.interaction(agentId, interactionId), seq))
      this.#world.flaw(`${interactionId} was shown at ${seq}, and its answer refused: ${verdict.refused}`)
  }

  /** Sends the request to one node after another, until one gives a verdict. */
  async #ask<T>(
    request: string,
    question: (fleet: Fleet) => Promise<Verdict<T>>,
    servesOnly = false,
  ): Promise<Exclude<Verdict<T>, undefined>> {
    const { random, time } = this.#world
    this.pending.add(request)
    for (;;) {
      const verdict = await new Promise<Verdict<T>>(resolve => {
        const timer = time.after(ANSWER_MS, () => resolve(undefined))
        const node = this.#world.balance()
        const { process } = node
        if (process === undefined || node.isHidden) return
        process.clock.receive(1 + random.below(10), () => {
          const answers = process.isReady && !process.clock.isDead && (process.isServing || !servesOnly)
          const asked = answers ? question(process.fleet) : Promise.resolve(undefined)
          asked.then(
            verdict => {
              if (process.clock.isDead || node.isHidden) return
              time.after(1 + random.below(10), () => {
                timer.cancel()
                resolve(verdict)
              })
            },
            error => {
              // A server that shuts down answers accepted requests before it closes its log.
              if (node.process === process && !node.isEnding) this.#world.flaw(`a request failed: ${error}`)
            },
          )
        })
      })
      if (verdict !== undefined) {
        this.pending.delete(request)
        return verdict
      }
      await new Promise<void>(resolve => void time.after(AGAIN_MS + random.below(AGAIN_MS), resolve))
    }
  }
}
