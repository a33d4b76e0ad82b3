import type { Command } from '@fleetwire/protocol'
import type { CommandEvent } from '../../../src/commands/command-state.ts'

export const T0 = 1_700_000_000_000

/** A queued command; `patch` changes fields. */
export function aCommand(patch: Partial<Command> = {}): Command {
  return {
    commandId: 'cmd_1',
    agentId: 'agent_1',
    kind: 'shell',
    input: 'make test',
    status: 'queued',
    attempt: 0,
    priority: 0,
    whenBusy: 'enqueue',
    createdBy: 'ada',
    createdAt: T0,
    queueTtlMs: 60_000,
    runTimeoutMs: 10_000,
    onLost: 'fail',
    ...patch,
  }
}

const sent = { attempt: 2, reason: 'no_ack' }
const given = { status: 'dispatched', attempt: 2, dispatchedAt: T0 + 1000 } as const
const running = { ...given, status: 'running', startedAt: T0 + 2000 } as const
const asked = { cancelRequestedAt: T0 + 3000, reason: 'interrupted' }
const waiting = { waitingSince: T0 + 2500 }
const inferred = { evidence: 'inferred', detail: 'cat waits for input' } as const
const reported = { evidence: 'reported', detail: 'Which branch?' } as const
const ended = { attempt: 2, endedAt: T0 + 4000 }
const lateResult = { status: 'succeeded', attempt: 2, at: T0 + 4500 } as const

/**
 * Every state of a command that has not ended. `given` is dispatched, `away` disconnected, `+c` asked to stop. Waiting:
 * `waiting` for an interaction, `hinted` as inferred by the agent, `told` as reported by it.
 */
export const liveStates = {
  fresh: aCommand(),
  sent: aCommand(sent),
  given: aCommand(given),
  'given+c': aCommand({ ...given, ...asked }),
  working: aCommand({ ...running, phase: 'working' }),
  waiting: aCommand({ ...running, ...waiting, phase: 'waiting_input' }),
  hinted: aCommand({ ...running, ...inferred, phase: 'waiting_input' }),
  told: aCommand({ ...running, ...waiting, ...reported, phase: 'waiting_input' }),
  cancelling: aCommand({ ...running, ...asked, phase: 'cancelling' }),
  away: aCommand({ ...running, phase: 'disconnected' }),
  'away+w': aCommand({ ...running, ...waiting, phase: 'disconnected' }),
  'away+c': aCommand({ ...running, ...asked, phase: 'disconnected' }),
} satisfies Record<string, Command>

/** Every final state; `✓` the agent confirmed the stop, `?` it did not. */
export const finalStates = {
  succeeded: aCommand({ ...ended, status: 'succeeded', startedAt: T0 + 2000 }),
  failed: aCommand({ ...ended, status: 'failed', reason: 'reported', retryable: false }),
  undelivered: aCommand({ ...ended, status: 'failed', reason: 'undeliverable', retryable: true }),
  'cancelled✓': aCommand({ ...ended, ...asked, status: 'cancelled', confirmed: true }),
  'cancelled?': aCommand({ ...ended, ...asked, status: 'cancelled', confirmed: false }),
  'timed_out✓': aCommand({ ...ended, ...asked, status: 'timed_out', reason: 'run_timeout', confirmed: true }),
  'timed_out?': aCommand({ ...ended, ...asked, status: 'timed_out', reason: 'run_timeout', confirmed: false }),
  expired: aCommand({ ...ended, status: 'expired', reason: 'queue_ttl' }),
  rejected: aCommand({ ...ended, status: 'rejected', reason: 'unsupported' }),
  lost: aCommand({ ...ended, status: 'lost', reason: 'lease_expired', lastSeenAt: T0 }),
  'lost late': aCommand({ ...ended, status: 'lost', reason: 'lease_expired', lastSeenAt: T0, lateResult }),
} satisfies Record<string, Command>

/** The name of a command's state in the two tables above. */
export function stateName(command: Command): string {
  const { status, phase, cancelRequestedAt, waitingSince, confirmed } = command
  const asked = cancelRequestedAt === undefined ? '' : '+c'
  const late = command.lateResult === undefined ? '' : ' late'
  switch (status) {
    case 'queued':
      return command.attempt === 0 ? 'fresh' : 'sent'
    case 'dispatched':
      return `given${asked}`
    case 'running':
      if (phase === 'disconnected') return `away${asked || (waitingSince === undefined ? '' : '+w')}`
      if (phase !== 'waiting_input') return String(phase)
      if (waitingSince === undefined) return 'hinted'
      return command.evidence === 'reported' ? 'told' : 'waiting'
    case 'failed':
      return (command.reason === 'undeliverable' ? 'undelivered' : 'failed') + late
    case 'cancelled':
    case 'timed_out':
      return `${status}${confirmed === true ? '✓' : '?'}${late}`
    default:
      return status + late
  }
}

interface Variant {
  event: (attempt: number) => CommandEvent
  /** Fields that the command needs for this variant. */
  given?: Partial<Command>
}

const lastSeenAt = T0 + 1500
const requeue = { given: { onLost: 'requeue' } } as const

/** Every kind of event in every relevant form: a kind without an entry does not compile. */
const variants: { [K in CommandEvent['kind']]: Record<string, Variant> } = {
  dispatch: { dispatch: { event: () => ({ kind: 'dispatch' }) } },
  ack: { ack: { event: attempt => ({ kind: 'ack', attempt }) } },
  reject: {
    'reject busy': { event: attempt => ({ kind: 'reject', attempt, reason: 'busy' }) },
    'reject unsupported': { event: attempt => ({ kind: 'reject', attempt, reason: 'unsupported', message: 'no' }) },
    'reject policy': { event: attempt => ({ kind: 'reject', attempt, reason: 'policy' }) },
  },
  progress: { progress: { event: attempt => ({ kind: 'progress', attempt, progress: { progress: 0.5 } }) } },
  result: {
    'result succeeded': {
      event: attempt => ({ kind: 'result', attempt, outcome: { status: 'succeeded', output: 1 } }),
    },
    'result failed': { event: attempt => ({ kind: 'result', attempt, outcome: { status: 'failed', error: 'boom' } }) },
    'result cancelled': { event: attempt => ({ kind: 'result', attempt, outcome: { status: 'cancelled' } }) },
  },
  'ack-deadline': { 'ack-deadline': { event: attempt => ({ kind: 'ack-deadline', attempt }) } },
  cancel: { cancel: { event: () => ({ kind: 'cancel', reason: 'changed my mind' }) } },
  'cancel-deadline': { 'cancel-deadline': { event: () => ({ kind: 'cancel-deadline' }) } },
  'run-timeout': { 'run-timeout': { event: () => ({ kind: 'run-timeout' }) } },
  'queue-ttl': { 'queue-ttl': { event: () => ({ kind: 'queue-ttl' }) } },
  'link-lost': { 'link-lost': { event: () => ({ kind: 'link-lost' }) } },
  'link-back': { 'link-back': { event: attempt => ({ kind: 'link-back', attempt }) } },
  'lease-expired': {
    'lease-expired': { event: () => ({ kind: 'lease-expired', lastSeenAt }) },
    'lease-expired requeue': { event: () => ({ kind: 'lease-expired', lastSeenAt }), ...requeue },
  },
  denied: {
    denied: { event: () => ({ kind: 'denied', lastSeenAt }) },
    'denied requeue': { event: () => ({ kind: 'denied', lastSeenAt }), ...requeue },
  },
  undeliverable: { undeliverable: { event: () => ({ kind: 'undeliverable', message: 'too deep' }) } },
  abandon: { abandon: { event: () => ({ kind: 'abandon', lastSeenAt }) } },
  wait: { wait: { event: () => ({ kind: 'wait' }) } },
  resume: { resume: { event: () => ({ kind: 'resume' }) } },
  'work-reported': {
    'said inferred': { event: () => ({ kind: 'work-reported', wait: inferred, isInteractionOpen: false }) },
    'said reported': { event: () => ({ kind: 'work-reported', wait: reported, isInteractionOpen: false }) },
    'said working': { event: () => ({ kind: 'work-reported', isInteractionOpen: false }) },
    'said working, asked': { event: () => ({ kind: 'work-reported', isInteractionOpen: true }) },
  },
  edit: {
    'edit priority': { event: () => ({ kind: 'edit', changes: { priority: 7 } }) },
    'edit input': { event: () => ({ kind: 'edit', changes: { input: 'make clean' } }) },
  },
  drop: { drop: { event: () => ({ kind: 'drop' }) } },
}

interface Trial {
  name: string
  given: Partial<Command>
  /** The event for a command whose latest dispatch has this number. */
  event: (attempt: number) => CommandEvent
}

/** Every row of the table: each variant, and for fenced kinds also an older and a newer attempt. */
export const trials: Trial[] = Object.entries(variants).flatMap(([kind, forms]) => {
  const all = Object.entries(forms).map(([name, { event, given = {} }]) => ({ name, event, given }))
  const [{ event }] = all as [Trial]
  if (!('attempt' in event(1))) return all
  return [
    ...all,
    { name: `${kind} older`, given: {}, event: attempt => event(attempt - 1) },
    { name: `${kind} newer`, given: {}, event: attempt => event(attempt + 1) },
  ]
})
