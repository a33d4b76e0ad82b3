import type { Command } from '@fleetwire/protocol'
import t from 'tap'
import { type CommandEvent, MAX_ATTEMPTS, ranMs, transition } from '../../../src/commands/command-state.ts'
import { aCommand, finalStates, liveStates, T0 } from './command-samples.ts'

/** The command after these events, one second apart. Throws if an event changes nothing. */
function after(command: Command, ...events: CommandEvent[]): Command {
  return events.reduce((current, event, i) => {
    const result = transition(current, event, T0 + 5000 + i * 1000)
    if (result.to === 'same') throw new Error(`${event.kind} changes nothing: ${result.why}`)
    return result.command
  }, command)
}

const cancel = (reason?: string): CommandEvent => ({ kind: 'cancel', ...(reason !== undefined && { reason }) })
const result = (attempt: number, status: 'succeeded' | 'failed' | 'cancelled'): CommandEvent => ({
  kind: 'result',
  attempt,
  outcome: { status },
})

t.test('[CS5] a dispatch starts the next attempt', async t => {
  t.match(after(liveStates.sent, { kind: 'dispatch' }), { status: 'dispatched', attempt: 3, dispatchedAt: T0 + 5000 })
})

t.test('[CS6] a slow ack of the current attempt counts while the command is queued', async t => {
  const slow = after(liveStates.given, { kind: 'ack-deadline', attempt: 2 })
  t.match(slow, { status: 'queued', attempt: 2, reason: 'no_ack' })
  t.match(after(slow, { kind: 'ack', attempt: 2 }), { status: 'running', attempt: 2, reason: undefined })
  const sentAgain = after(slow, { kind: 'dispatch' })
  t.same(transition(sentAgain, { kind: 'ack', attempt: 2 }, T0), { to: 'same', why: 'stale' })
})

t.test('[CS7] the fifth dispatch without an ack is the last', async t => {
  let command = aCommand()
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    command = after(command, { kind: 'dispatch' }, { kind: 'ack-deadline', attempt })
  }
  t.match(command, { status: 'failed', reason: 'undeliverable', retryable: true, attempt: 5 })
})

t.test('[CS8] a rejected busy dispatch costs no attempt', async t => {
  const busy: CommandEvent = { kind: 'reject', attempt: 1, reason: 'busy' }
  const command = after(aCommand(), { kind: 'dispatch' }, busy, { kind: 'dispatch' }, busy)
  t.match(command, { status: 'queued', attempt: 0, reason: 'busy' })
  t.equal(
    after(liveStates.given, { kind: 'reject', attempt: 2, reason: 'busy' }).reason,
    'busy',
    'not the earlier no_ack',
  )
})

t.test('[CS9] a rejection for another reason ends the command with it', async t => {
  const rejection: CommandEvent = { kind: 'reject', attempt: 2, reason: 'policy', message: 'not on Fridays' }
  t.match(after(liveStates.given, rejection), { status: 'rejected', reason: 'policy', error: 'not on Fridays' })
})

t.test('[CS10] a result without an ack counts as the ack too', async t => {
  const ended = after(liveStates.given, result(2, 'succeeded'))
  t.match(ended, { status: 'succeeded', startedAt: T0 + 5000, endedAt: T0 + 5000, reason: undefined })
})

t.test('[CS11] when the agent stops a command by itself, the reason is agent, whatever it was before', async t => {
  t.match(after(liveStates.sent, result(2, 'cancelled')), { status: 'cancelled', confirmed: true, reason: 'agent' })
})

t.test('[CS12] cancelling a queued command ends it at once, unconfirmed if it was sent before', async t => {
  t.match(after(liveStates.fresh, cancel()), { status: 'cancelled', confirmed: true, reason: 'interrupted' })
  const maybeThere = after(liveStates.sent, cancel('not needed'))
  t.match(maybeThere, { status: 'cancelled', confirmed: false, reason: 'not needed' })
  t.match(after(maybeThere, result(2, 'succeeded')), { status: 'cancelled', lateResult: { status: 'succeeded' } })
})

t.test('[CS13] a dispatched command stays dispatched until the agent answers or a deadline passes', async t => {
  const asked = after(liveStates.given, cancel())
  t.match(asked, { status: 'dispatched', cancelRequestedAt: T0 + 5000, phase: undefined })
  t.match(after(asked, { kind: 'ack', attempt: 2 }), { status: 'running', phase: 'cancelling', reason: 'interrupted' })
  t.match(after(asked, { kind: 'reject', attempt: 2, reason: 'busy' }), { status: 'cancelled', confirmed: true })
  t.match(after(asked, { kind: 'ack-deadline', attempt: 2 }), { status: 'cancelled', confirmed: false })
  t.match(after(asked, { kind: 'cancel-deadline' }), { status: 'cancelled', confirmed: false })
})

t.test('[CS14] the first result wins over an interrupt that is under way', async t => {
  t.match(after(liveStates.cancelling, result(2, 'succeeded')), { status: 'succeeded', reason: undefined })
  t.match(after(liveStates.cancelling, result(2, 'cancelled')), { status: 'cancelled', confirmed: true })
})

t.test('[CS15] the run clock ends a command as timed_out, with the same confirmation as an interrupt', async t => {
  const overdue = after(liveStates.working, { kind: 'run-timeout' })
  t.match(overdue, { status: 'running', phase: 'cancelling', reason: 'run_timeout' })
  t.match(after(overdue, result(2, 'cancelled')), { status: 'timed_out', confirmed: true })
  t.match(after(overdue, { kind: 'cancel-deadline' }), { status: 'timed_out', confirmed: false })
})

t.test('[CS16] the reason that a person gives for an interrupt does not affect the outcome', async t => {
  const named = after(liveStates.working, cancel('run_timeout'), result(2, 'cancelled'))
  t.match(named, { status: 'cancelled', reason: 'interrupted' })
  t.equal(after(liveStates.given, cancel('requeued')).reason, 'interrupted')
  const forced = after(liveStates.working, cancel('reported'), { kind: 'cancel-deadline' })
  t.match(after(forced, result(2, 'failed')), { status: 'cancelled', lateResult: { status: 'failed' } })
})

t.test('[CS17] a lost link is a phase, and once the link is back the phase follows from the facts', async t => {
  t.match(after(liveStates.waiting, { kind: 'link-lost' }), { status: 'running', phase: 'disconnected' })
  t.match(after(liveStates['away+w'], { kind: 'link-back', attempt: 2 }), { phase: 'waiting_input' })
  t.match(after(liveStates['away+c'], { kind: 'link-back', attempt: 2 }), { phase: 'cancelling' })
  t.match(after(liveStates.away, cancel()), { phase: 'disconnected', cancelRequestedAt: T0 + 5000 })
})

t.test('[CS18] an expired lease ends a command as lost, with the time when the agent was last seen', async t => {
  const lost = after(liveStates.away, { kind: 'lease-expired', lastSeenAt: T0 + 1500 })
  t.match(lost, { status: 'lost', reason: 'lease_expired', lastSeenAt: T0 + 1500, phase: undefined })
  t.equal(after(liveStates.working, { kind: 'denied', lastSeenAt: T0 }).reason, 'agent_lost_it')
})

t.test('[CS19] onLost: requeue queues the command again, until its attempts are used up', async t => {
  const expired: CommandEvent = { kind: 'lease-expired', lastSeenAt: T0 }
  const again = after({ ...liveStates.away, onLost: 'requeue', progress: { progress: 0.5 } }, expired)
  t.match(again, { status: 'queued', attempt: 2, reason: 'requeued', startedAt: undefined, progress: undefined })
  const unanswered = after(again, { kind: 'dispatch' }, { kind: 'ack-deadline', attempt: 3 })
  t.equal(unanswered.reason, 'requeued', 'the next dispatch still requests a new run')
  t.match(after({ ...liveStates.away, onLost: 'requeue', attempt: MAX_ATTEMPTS }, expired), { status: 'lost' })
})

t.test('[CS20] a final state never changes; one late result is recorded next to it', async t => {
  const late = after(finalStates.lost, result(2, 'succeeded'))
  t.match(late, { status: 'lost', endedAt: T0 + 4000, lateResult: { status: 'succeeded', attempt: 2, at: T0 + 5000 } })
  t.same(transition(late, result(2, 'failed'), T0), { to: 'same', why: 'already' })
  t.same(transition(finalStates.succeeded, result(2, 'failed'), T0), { to: 'same', why: 'already' })
})

t.test('[CS21] a late result of cancelled confirms the stop', async t => {
  const confirmed = after(finalStates['cancelled?'], result(2, 'cancelled'))
  t.match(confirmed, { status: 'cancelled', confirmed: true, lateResult: { status: 'cancelled' } })
})

t.test('[CS22] an open interaction stops the run clock', async t => {
  const working = { ...liveStates.working, startedAt: T0, runTimeoutMs: 10_000 }
  t.equal(ranMs(working, T0 + 10_000), 10_000)
  const waiting = after(working, { kind: 'wait' })
  t.equal(waiting.phase, 'waiting_input')
  t.equal(ranMs(waiting, T0 + 90_000), 5000, 'it is stopped')
  const resumed = transition(waiting, { kind: 'resume' }, T0 + 8000)
  t.match(resumed, { command: { phase: 'working', waitedMs: 3000, waitingSince: undefined } })
  if (resumed.to === 'next') t.equal(ranMs(resumed.command, T0 + 13_000), 10_000)
  t.equal(ranMs(liveStates.fresh, T0 + 90_000), 0, 'not started')
})

t.test('[CS28] only a wait for an interaction or a reported one stops the run clock', async t => {
  const working = { ...liveStates.working, startedAt: T0, runTimeoutMs: 10_000 }
  const say = (evidence: 'inferred' | 'reported', isInteractionOpen = false) =>
    ({ kind: 'work-reported', wait: { evidence, detail: 'cat waits for input' }, isInteractionOpen }) as const
  const hinted = after(working, say('inferred'))
  t.match(hinted, { phase: 'waiting_input', detail: 'cat waits for input', evidence: 'inferred' })
  t.equal(ranMs(hinted, T0 + 10_000), 10_000, 'inferred: it keeps running')
  const told = after(hinted, say('reported'))
  t.equal(ranMs(told, T0 + 90_000), 5000, 'reported: it is stopped')
  t.match(transition(told, { kind: 'resume' }, T0), { to: 'same' }, 'an answer elsewhere does not end a reported wait')
  t.equal(ranMs(after(told, say('inferred', true)), T0 + 90_000), 5000, 'asked: it is stopped')
  const working2 = transition(told, { kind: 'work-reported', isInteractionOpen: false }, T0 + 8000)
  t.match(working2, { command: { phase: 'working', waitedMs: 3000, evidence: undefined, detail: undefined } })
  const ended = after(hinted, result(2, 'succeeded'))
  t.match(ended, { status: 'succeeded', evidence: undefined, detail: undefined }, 'the end of a wait')
})

t.test('[CS22] each run has its own clock', async t => {
  const waited: Command = { ...liveStates.away, onLost: 'requeue', waitedMs: 3000 }
  const again = after(
    waited,
    { kind: 'lease-expired', lastSeenAt: T0 },
    { kind: 'dispatch' },
    { kind: 'ack', attempt: 3 },
  )
  t.equal(ranMs(again, T0 + 7000 + 10_000), 10_000)
})

t.test('[CS23] a queued command can be edited; its input only before it was first sent', async t => {
  t.match(after(liveStates.fresh, { kind: 'edit', changes: { input: 'b', priority: 3 } }), { input: 'b', priority: 3 })
  t.equal(after(liveStates.sent, { kind: 'edit', changes: { queueTtlMs: 1 } }).queueTtlMs, 1)
  t.equal(after(liveStates.sent, { kind: 'edit', changes: { runNextAt: 5 } }).runNextAt, 5)
  const moved = { ...liveStates.fresh, runNextAt: 5 }
  t.equal(after(moved, { kind: 'edit', changes: { priority: 1 } }).runNextAt, 5)
  t.notOk('runNextAt' in after(moved, { kind: 'edit', changes: { runNextAt: null } }))
  const nothing = after(liveStates.fresh, { kind: 'edit', changes: { input: undefined, priority: 1 } })
  t.equal(nothing.input, 'make test', 'omitted fields keep their value')
})

t.test('[CS24] progress is merged with earlier reports', async t => {
  const half = after(liveStates.working, { kind: 'progress', attempt: 2, progress: { progress: 0.5, message: 'half' } })
  t.same(after(half, { kind: 'progress', attempt: 2, progress: { progress: 0.6 } }).progress, {
    progress: 0.6,
    message: 'half',
  })
})

t.test('[CS26] commands that were sent to a removed agent are lost', async t => {
  const removed = after(liveStates.given, { kind: 'abandon', lastSeenAt: T0 })
  t.match(removed, { status: 'lost', reason: 'agent_removed', lastSeenAt: T0 })
})
