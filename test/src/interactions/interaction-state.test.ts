import type { Interaction } from '@fleetwire/protocol'
import { test } from 'tap'
import {
  changeInteraction,
  type InteractionEvent,
  type InteractionRequest,
} from '../../../src/interactions/interaction-state.ts'

const asked: InteractionRequest = {
  ...{ interactionId: 'i1', commandId: 'c1', kind: 'permission', title: 'Run npm install?', timeoutMs: 100 },
  subject: { type: 'command', preview: 'npm install', digest: 'd1' },
  options: [
    { id: 'yes', label: 'Yes', effect: 'allow' },
    { id: 'no', label: 'No', effect: 'deny' },
  ],
}
const request: InteractionEvent = { kind: 'request', agentId: 'a1', request: asked }
const answer = (optionId: string, more = {}): InteractionEvent => ({
  ...{ kind: 'answer', answer: { optionId }, by: 'ann', via: 'rest', ...more },
})
const after = (interaction: Interaction | undefined, ...events: InteractionEvent[]): Interaction => {
  let now = interaction
  for (const event of events) {
    const decision = changeInteraction(now, event, 1000)
    if (decision.to === 'same') throw new Error(decision.why)
    now = decision.interaction
  }
  return now!
}
const why = (interaction: Interaction | undefined, event: InteractionEvent) => {
  const decision = changeInteraction(interaction, event, 2000)
  return decision.to === 'same' ? decision.why : `${decision.interaction.state} ${decision.interaction.delivery ?? '-'}`
}
const open = after(undefined, request)
const resolved = after(open, answer('yes'))
const states = {
  absent: undefined,
  open,
  resolved,
  sent: after(resolved, { kind: 'sent' }),
  applied: after(resolved, { kind: 'applied' }),
  expired: after(open, { kind: 'expire' }),
  cancelled: after(open, { kind: 'cancel' }),
}

test('every event has its outcome in every state', t => {
  const events: InteractionEvent[] = [
    ...[request, answer('yes'), answer('no'), { kind: 'resolved-there', answer: { optionId: 'yes' } }],
    ...[{ kind: 'expire' }, { kind: 'cancel' }, { kind: 'sent' }, { kind: 'applied' }],
  ] as InteractionEvent[]
  const table: Record<keyof typeof states, string[]> = {
    //          request, yes, no, resolved there, expire, cancel, sent, applied
    absent: ['open -', 'absent', 'absent', 'absent', 'absent', 'absent', 'absent', 'absent'],
    open: [
      'already',
      'resolved pending',
      'resolved pending',
      'resolved applied',
      'expired pending',
      'cancelled -',
      'already',
      'absent',
    ],
    resolved: [
      'resolved pending',
      'already',
      'answered',
      'already',
      'already',
      'already',
      'resolved sent',
      'resolved applied',
    ],
    sent: ['resolved pending', 'already', 'answered', 'already', 'already', 'already', 'already', 'resolved applied'],
    applied: ['resolved pending', 'already', 'answered', 'already', 'already', 'already', 'already', 'already'],
    expired: ['expired pending', 'closed', 'closed', 'closed', 'already', 'already', 'expired sent', 'expired applied'],
    cancelled: ['open -', 'closed', 'closed', 'closed', 'already', 'already', 'already', 'closed'],
  }
  for (const [name, state] of Object.entries(states)) {
    t.same(
      events.map(event => why(state, event)),
      table[name as keyof typeof states],
      name,
    )
  }
  t.end()
})

test('fields that the agent omits have defaults, and the server sets its own', t => {
  t.match(open, {
    state: 'open',
    agentId: 'a1',
    description: '',
    risk: 'unknown',
    defaultOnTimeout: 'deny',
    expiresAt: 1100,
  })
  t.notHas(open, { timeoutMs: 100 })
  t.match(resolved.resolution, { optionId: 'yes', by: 'ann', via: 'rest', at: 1000 })
  t.end()
})

test('[IN18] it records when it was asked; a cancelled one that opens again gets a new time', t => {
  t.equal(open.createdAt, 1000)
  const again = changeInteraction(states.cancelled, request, 5000)
  t.equal(again.to !== 'same' && again.interaction.createdAt, 5000)
  t.equal(why(open, request), 'already')
  t.end()
})

test('[IN2] on expiry, the answer is the first option with the requested effect', t => {
  t.match(states.expired.resolution, { optionId: 'no', by: 'fleetwire', via: 'timeout' })
  const allow = after(undefined, { ...request, request: { ...asked, defaultOnTimeout: 'allow' } } as InteractionEvent)
  t.match(after(allow, { kind: 'expire' }).resolution, { optionId: 'yes' })
  const cancel = after(undefined, { ...request, request: { ...asked, defaultOnTimeout: 'cancel' } } as InteractionEvent)
  t.same(after(cancel, { kind: 'expire' }).resolution?.optionId, undefined)
  t.end()
})

test('[IN7] [IN8] an answer must fit its question', t => {
  t.equal(why(open, answer('yes', { digest: 'd1' })), 'resolved pending')
  t.equal(why(open, answer('yes', { digest: 'old' })), 'stale')
  t.equal(why(open, answer('maybe')), 'no-option')
  t.equal(why(open, answer('', { answer: { text: 'go on' } })), 'no-option')
  t.equal(why(open, answer('', { answer: {} })), 'empty')
  const question = after(undefined, { ...request, request: { ...asked, kind: 'question' } } as InteractionEvent)
  t.equal(why(question, answer('', { answer: { text: 'in blue' } })), 'resolved pending')
  t.equal(why(question, answer('', { answer: { answers: { colour: 'blue' } } })), 'resolved pending')
  t.end()
})
