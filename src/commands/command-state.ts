import type { Command, CommandOutcome, CommandPhase, EditCommandBody, EventType } from '@fleetwire/protocol'
import { isFinal } from '@fleetwire/protocol'

/** A command is undeliverable after this many dispatches without an acknowledgement. */
export const MAX_ATTEMPTS = 5

/** Reasons that control later transitions. A reason that a person gives for an interrupt is never mistaken for one. */
const RUN_TIMEOUT = 'run_timeout'
const REQUEUED = 'requeued'
const wordsOf = (reason = 'interrupted') => (reason === RUN_TIMEOUT || reason === REQUEUED ? 'interrupted' : reason)

/**
 * A wait that the agent reported. Only `reported` evidence stops the run clock, since an inferred wait may be wrong.
 */
export interface ReportedWait {
  evidence: NonNullable<Command['evidence']>
  detail: string
}

/** What can happen to a command. `attempt` is the fencing token of everything an agent reports. */
export type CommandEvent =
  | { kind: 'dispatch' }
  | { kind: 'ack'; attempt: number }
  | { kind: 'reject'; attempt: number; reason: 'busy' | 'unsupported' | 'policy'; message?: string }
  | { kind: 'progress'; attempt: number; progress: NonNullable<Command['progress']> }
  | { kind: 'result'; attempt: number; outcome: CommandOutcome }
  | { kind: 'ack-deadline'; attempt: number }
  | { kind: 'cancel'; reason?: string }
  | { kind: 'cancel-deadline' }
  | { kind: 'run-timeout' }
  | { kind: 'queue-ttl' }
  | { kind: 'link-lost' }
  | { kind: 'link-back'; attempt: number }
  | { kind: 'lease-expired'; lastSeenAt: number }
  /** The agent is back and reports that it does not have the command. */
  | { kind: 'denied'; lastSeenAt: number }
  /** No frame can carry the command to its agent. */
  | { kind: 'undeliverable'; message: string }
  /** The agent was removed, so nobody can finish the command. */
  | { kind: 'abandon'; lastSeenAt: number }
  | { kind: 'wait' }
  | { kind: 'resume' }
  /** The agent reported whether it waits for input. `isInteractionOpen`: an interaction of the command is open. */
  | { kind: 'work-reported'; wait?: ReportedWait; isInteractionOpen: boolean }
  | { kind: 'edit'; changes: CommandChanges }
  /** Ends the command only if it is still queued. */
  | { kind: 'drop' }

/** `runNextAt`: null removes it. */
export type CommandChanges = Omit<EditCommandBody, 'runNext'> & { runNextAt?: number | null }

export type CommandEventType = Extract<EventType, `command:${string}`>

export type Transition =
  | { to: 'next'; command: Command; type: CommandEventType }
  /**
   * Nothing changes. `final`: it has ended; `stale`: the event names another attempt; `already`: it is in that state;
   * `inapplicable`: this cannot happen in this state.
   */
  | { to: 'same'; why: 'final' | 'stale' | 'already' | 'inapplicable' }

const next = (command: Command, type: CommandEventType): Transition => ({ to: 'next', command, type })
const same = (why: 'final' | 'stale' | 'already' | 'inapplicable'): Transition => ({ to: 'same', why })

/** The command state machine (rules CS in SPEC.md): pure, and total over every state and event. `now` is epoch ms. */
export function transition(command: Command, event: CommandEvent, now: number): Transition {
  if ('attempt' in event && event.attempt !== command.attempt) return same('stale')
  if (isFinal(command.status)) return event.kind === 'result' ? lateResult(command, event, now) : same('final')
  switch (event.kind) {
    case 'dispatch':
      return command.status === 'queued' ? dispatch(command, now) : same('inapplicable')
    case 'ack':
      return ack(command, now)
    case 'reject':
      return command.status === 'dispatched' ? reject(command, event, now) : same('inapplicable')
    case 'progress':
      return command.status === 'running'
        ? next({ ...command, progress: { ...command.progress, ...event.progress } }, 'command:progress')
        : same('inapplicable')
    case 'result':
      return result(command, event.outcome, now)
    case 'ack-deadline':
      return command.status === 'dispatched' ? unacknowledged(command, now) : same('inapplicable')
    case 'cancel':
      return cancel(command, wordsOf(event.reason), now)
    case 'run-timeout':
      return command.status === 'running' && command.waitingSince === undefined
        ? cancel(command, RUN_TIMEOUT, now)
        : same('inapplicable')
    case 'cancel-deadline':
      return command.cancelRequestedAt === undefined ? same('inapplicable') : cancelled(command, false, now)
    case 'queue-ttl':
      return command.status === 'queued' ? end(command, 'expired', now, { reason: 'queue_ttl' }) : same('inapplicable')
    case 'link-lost':
      if (command.status !== 'running') return same('inapplicable')
      return command.phase === 'disconnected'
        ? same('already')
        : next({ ...command, phase: 'disconnected' }, 'command:progress')
    case 'link-back':
      return linkBack(command, now)
    case 'lease-expired':
      return command.status === 'running' ? lost(command, 'lease_expired', event.lastSeenAt, now) : same('inapplicable')
    case 'denied':
      if (command.status === 'dispatched') return unacknowledged(command, now)
      return command.status === 'running' ? lost(command, 'agent_lost_it', event.lastSeenAt, now) : same('inapplicable')
    case 'undeliverable':
      // A running command has already been delivered.
      if (command.status === 'running') return same('inapplicable')
      return end(command, 'failed', now, { reason: 'undeliverable', retryable: false, error: event.message })
    case 'abandon':
      return command.cancelRequestedAt === undefined
        ? end(command, 'lost', now, { reason: 'agent_removed', lastSeenAt: event.lastSeenAt })
        : cancelled(command, false, now)
    case 'wait':
      if (command.status !== 'running' || command.cancelRequestedAt !== undefined) return same('inapplicable')
      if (command.waitingSince !== undefined) return same('already')
      return next(withPhase({ ...command, waitingSince: now }), 'command:progress')
    case 'resume':
      if (command.status !== 'running') return same('inapplicable')
      return command.waitingSince === undefined || command.evidence === 'reported'
        ? same('already')
        : next(withPhase(stopWaiting(command, now)), 'command:progress')
    case 'work-reported':
      return command.status === 'running' && command.cancelRequestedAt === undefined
        ? workReported(command, event, now)
        : same('inapplicable')
    case 'drop':
      return command.status === 'queued'
        ? end(command, 'cancelled', now, { reason: 'dropped', confirmed: neverSent(command) })
        : same('inapplicable')
    case 'edit':
      return command.status === 'queued' ? edit(command, event.changes) : same('inapplicable')
    default:
      return event satisfies never
  }
}

function dispatch(command: Command, now: number): Transition {
  return next(
    { ...command, status: 'dispatched', attempt: command.attempt + 1, dispatchedAt: now },
    'command:dispatched',
  )
}

/** Also from `queued`: an ack after its deadline counts if no newer attempt has replaced its own. */
function ack(command: Command, now: number): Transition {
  if (command.status === 'running') return same('already')
  if (command.attempt === 0) return same('inapplicable')
  const { reason: _, ...rest } = command
  const running = { ...rest, status: 'running' as const, startedAt: now }
  return command.cancelRequestedAt === undefined
    ? next({ ...running, phase: 'working' }, 'command:running')
    : next({ ...running, phase: 'cancelling', ...keepReason(command) }, 'command:cancelling')
}

function reject(command: Command, event: Extract<CommandEvent, { kind: 'reject' }>, now: number): Transition {
  if (command.cancelRequestedAt !== undefined) return cancelled(command, true, now)
  if (event.reason !== 'busy') {
    const error = event.message === undefined ? {} : { error: event.message }
    return end(command, 'rejected', now, { reason: event.reason, ...error })
  }
  // A busy agent costs no attempt: the attempt number is given back.
  return next(toQueued(command, 'busy', command.attempt - 1), 'command:queued')
}

/** The first result wins. A result without an earlier ack counts as the ack too. */
function result(command: Command, outcome: CommandOutcome, now: number): Transition {
  if (command.attempt === 0) return same('inapplicable')
  const { status, ...rest } = outcome
  const started = { ...command, startedAt: command.startedAt ?? now }
  switch (status) {
    case 'succeeded':
      return end(started, 'succeeded', now, { ...rest, reason: undefined })
    case 'failed':
      return end(started, 'failed', now, { ...rest, reason: 'reported', retryable: false })
    case 'cancelled':
      return cancelled({ ...withoutWait(started), ...rest }, true, now)
    default:
      return status satisfies never
  }
}

/**
 * Whether the agent itself reported or confirmed the end. After other ends (lost, expired, forced) a late result of the
 * agent is still kept.
 */
export function toldByAgent({ status, reason, confirmed }: Command): boolean {
  return status === 'succeeded' || (status === 'failed' && reason === 'reported') || confirmed === true
}

function lateResult(command: Command, event: Extract<CommandEvent, { kind: 'result' }>, now: number): Transition {
  if (command.lateResult !== undefined || toldByAgent(command)) return same('already')
  const confirmed = command.confirmed === false && event.outcome.status === 'cancelled' ? { confirmed: true } : {}
  const kept = { ...command, ...confirmed, lateResult: { ...event.outcome, attempt: event.attempt, at: now } }
  return next(kept, 'command:progress')
}

function unacknowledged(command: Command, now: number): Transition {
  if (command.cancelRequestedAt !== undefined) return cancelled(command, false, now)
  if (command.attempt >= MAX_ATTEMPTS) return end(command, 'failed', now, { reason: 'undeliverable', retryable: true })
  return next(toQueued(command, 'no_ack'), 'command:queued')
}

/**
 * A queued command ends at once. If the agent may already have the command, it is asked to stop, and the command ends
 * when it answers or the deadline passes. `confirmed` is set only if the command is known not to run: a queued command
 * that was dispatched before may still be at the agent, whose answer missed the deadline.
 */
function cancel(command: Command, reason: string, now: number): Transition {
  if (command.cancelRequestedAt !== undefined) return same('already')
  const cancelling = { ...withoutWait(stopWaiting(command, now)), cancelRequestedAt: now, reason }
  switch (command.status) {
    case 'queued':
      return end(cancelling, 'cancelled', now, { confirmed: neverSent(command) })
    case 'dispatched':
      return next(cancelling, 'command:cancelling')
    default:
      return next(withPhase(cancelling), 'command:cancelling')
  }
}

/** Without a request, the agent stopped the command by itself; any existing reason comes from an earlier dispatch. */
function cancelled(command: Command, confirmed: boolean, now: number): Transition {
  const reason = command.cancelRequestedAt === undefined ? 'agent' : command.reason
  return end(command, reason === RUN_TIMEOUT ? 'timed_out' : 'cancelled', now, { confirmed, reason })
}

/**
 * Whether the command's run is over for good. A command that was requeued without an ack may have started: a late ack
 * counts.
 */
export const isGivenUp = ({ status, reason }: Command): boolean =>
  isFinal(status) || (status === 'queued' && reason === REQUEUED)

const neverSent = (command: Command) => command.attempt === 0

/**
 * An agent journals the commands that it receives. Once it may have the input, it could not distinguish an edited one.
 */
function edit(command: Command, { runNextAt = command.runNextAt, ...changes }: CommandChanges): Transition {
  if (changes.input !== undefined && !neverSent(command)) return same('inapplicable')
  const { runNextAt: _, ...rest } = command
  const moved = typeof runNextAt === 'number' && { runNextAt }
  return next({ ...rest, ...moved, ...withoutUndefined(changes) }, 'command:queued')
}

function linkBack(command: Command, now: number): Transition {
  if (command.status !== 'running') return ack(command, now)
  return command.phase === 'disconnected'
    ? next(withPhase({ ...command, phase: 'working' }), 'command:progress')
    : same('already')
}

function lost(command: Command, reason: string, lastSeenAt: number, now: number): Transition {
  if (command.cancelRequestedAt !== undefined) return cancelled(command, false, now)
  if (command.onLost === 'fail' || command.attempt >= MAX_ATTEMPTS)
    return end(command, 'lost', now, { reason, lastSeenAt })
  return next(toQueued(command, REQUEUED), 'command:queued')
}

function workReported(
  command: Command,
  { wait, isInteractionOpen }: Extract<CommandEvent, { kind: 'work-reported' }>,
  now: number,
): Transition {
  if (command.evidence === wait?.evidence && command.detail === wait?.detail) return same('already')
  const updated = { ...withoutWait(command), ...wait }
  const stopsClock = isInteractionOpen || wait?.evidence === 'reported'
  const clocked = stopsClock ? { ...updated, waitingSince: command.waitingSince ?? now } : stopWaiting(updated, now)
  return next(withPhase(clocked), 'command:progress')
}

type FinalType = Extract<
  Command['status'],
  'succeeded' | 'failed' | 'cancelled' | 'timed_out' | 'expired' | 'rejected' | 'lost'
>
type Patch = { [K in keyof Command]?: Command[K] | undefined }

function end(command: Command, status: FinalType, now: number, patch: Patch): Transition {
  const { phase: _, ...rest } = withoutWait(stopWaiting(command, now))
  return next(withoutUndefined({ ...rest, ...patch, status, endedAt: now }), `command:${status}`)
}

/** Only a command whose run was lost must run again (`rerun`); later unacknowledged dispatches do not change that. */
function toQueued(command: Command, why: string, attempt = command.attempt): Command {
  const reason = command.reason === REQUEUED ? REQUEUED : why
  return withoutUndefined({
    ...{ ...command, status: 'queued', attempt, reason },
    ...{ phase: undefined, detail: undefined, evidence: undefined, dispatchedAt: undefined },
    ...{ startedAt: undefined, waitingSince: undefined, waitedMs: undefined, progress: undefined },
  })
}

/** Derives the phase of a running command from its own facts; `disconnected` is kept. */
function withPhase(command: Command): Command {
  if (command.phase === 'disconnected') return command
  const phase: CommandPhase =
    command.cancelRequestedAt !== undefined
      ? 'cancelling'
      : command.waitingSince !== undefined || command.evidence !== undefined
        ? 'waiting_input'
        : 'working'
  return { ...command, phase }
}

function stopWaiting(command: Command, now: number): Command {
  if (command.waitingSince === undefined) return command
  const { waitingSince, ...rest } = command
  return { ...rest, waitedMs: (command.waitedMs ?? 0) + Math.max(0, now - waitingSince) }
}

/** Removes the agent's report of a wait. A `detail` without `evidence` belongs to the result. */
function withoutWait(command: Command): Command {
  if (command.evidence === undefined) return command
  const { evidence: _, detail: __, ...rest } = command
  return rest
}

const keepReason = (command: Command) => (command.reason === undefined ? {} : { reason: command.reason })

function withoutUndefined(command: Patch): Command {
  return Object.fromEntries(Object.entries(command).filter(([, value]) => value !== undefined)) as Command
}

/**
 * How long the run clock of a command has run at `now` (epoch ms), by the command's own times; it is stopped while the
 * command waits.
 */
export function ranMs({ startedAt, waitingSince, waitedMs = 0 }: Command, now: number): number {
  return startedAt === undefined ? 0 : Math.max(0, (waitingSince ?? now) - startedAt - waitedMs)
}
