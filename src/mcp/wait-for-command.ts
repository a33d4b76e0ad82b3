import { type Command, type Interaction, isFinal, topics } from '@fleetwire/protocol'
import { type Fleet, inPath, type Page, Refusal } from './fleet.ts'
import { type FleetCall, NoAnswer } from './fleet-port.ts'
import { limits } from './limits.ts'
import type { ToolContext } from './tool.ts'

export interface WaitOptions {
  seconds: number
  /** Also ends when the command waits for an answer or for input. */
  untilAsked: boolean
}

/** How long a command may take to continue after its question was answered. */
const ANSWER_GRACE_MS = 1000

interface Found {
  command: Command
  /** The open questions that block it. */
  requests: Interaction[]
}

/** Why the wait is over, and the state of the command at that moment. */
export interface Waited extends Found {
  because: 'ended' | 'asked' | 'time' | 'closing'
}

/**
 * Waits for a command to end, whatever happens to the connection in the meantime: changes are pushed, and the wait also
 * polls every few seconds. Throws the reason of `signal` if that is aborted. Never affects the command.
 */
export async function waitForCommand(
  { agentId, commandId }: Pick<Command, 'agentId' | 'commandId'>,
  { seconds, untilAsked }: WaitOptions,
  { fleet, signal, progress, clock }: ToolContext,
): Promise<Waited> {
  const deadline = clock.monotonic() + seconds * 1000
  const bell = new Bell()
  const { closing } = fleet.port
  const ring = () => bell.ring()
  const watch = fleet.port.watch([topics.command(agentId, commandId)], ring)
  void watch.ready.then(ring, ring)
  signal.addEventListener('abort', ring)
  closing.addEventListener('abort', ring)
  let last: Found | undefined
  let askedAt: number | undefined
  try {
    for (;;) {
      signal.throwIfAborted()
      // A closing server accepts no more calls, not even from within.
      if (closing.aborted && last !== undefined) return { ...last, because: 'closing' }
      const found = await look()
      const leftMs = deadline - clock.monotonic()
      if (found !== undefined) {
        const { command, requests } = found
        if (isFinal(command.status)) return { ...found, because: 'ended' }
        if (untilAsked && (requests.length > 0 || isAsking(command))) return { ...found, because: 'asked' }
        if (leftMs <= 0) return { ...found, because: 'time' }
        last = found
      }
      progress(found === undefined ? 'the server does not answer; trying again' : stateOf(found.command))
      const pauseMs = askedAt === undefined ? limits.lookAgainMs : ANSWER_GRACE_MS
      await bell.heard(Math.min(pauseMs, Math.max(leftMs, 0)), clock)
    }
  } finally {
    watch.close()
    signal.removeEventListener('abort', ring)
    closing.removeEventListener('abort', ring)
  }

  /**
   * Whether the command waits for input without a question. Just after an answer it looks the same, until the command
   * is updated, so the state must last for a while.
   */
  function isAsking({ phase }: Command): boolean {
    if (phase !== 'waiting_input') askedAt = undefined
    else askedAt ??= clock.monotonic()
    return askedAt !== undefined && clock.monotonic() - askedAt >= ANSWER_GRACE_MS
  }

  /** Undefined if the server cannot be reached and there is time left. */
  async function look(): Promise<Found | undefined> {
    try {
      const options = { signal, once: true }
      const command = await fleet.get<Command>(`/commands/${inPath(commandId)}`, {}, options)
      const waits = command.phase === 'waiting_input'
      return { command, requests: waits ? await openRequestsOf(fleet, command, options) : [] }
    } catch (error) {
      const mayPass = error instanceof NoAnswer || (error instanceof Refusal && error.code === 'unavailable')
      if (!mayPass || closing.aborted || clock.monotonic() >= deadline) throw error
      return undefined
    }
  }
}

/** Wakes one waiter; a ring before the wait counts too. */
class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves at the first ring since the last call, or after `ms`. */
  async heard(ms: number, clock: ToolContext['clock']): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>(resolve => {
        const timer = clock.setTimeout(resolve, ms)
        this.#wake = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    this.#rung = false
    this.#wake = undefined
  }
}

function stateOf({ status, phase, progress, detail }: Command): string {
  const percent = progress?.progress === undefined ? undefined : `${Math.round(progress.progress * 100)} %`
  return [status, phase === 'working' ? undefined : phase, percent, progress?.message ?? detail]
    .filter(part => part !== undefined)
    .join(', ')
    .slice(0, 300)
}

/** The open questions of a command, and those of its agent that name no command, since they may block it too. */
async function openRequestsOf(
  fleet: Fleet,
  { agentId, commandId }: Pick<Command, 'agentId' | 'commandId'>,
  options: Pick<FleetCall, 'signal' | 'once'>,
): Promise<Interaction[]> {
  const page = await fleet.get<Page<Interaction>>('/interactions', { state: 'open', agentId, limit: 100 }, options)
  return page.items.filter(item => item.commandId === undefined || item.commandId === commandId)
}
