import type { Interrupt } from '@ag-ui/client'
import type { InteractionAnswer } from '@fleetwire/client'
import t from 'tap'
import { questionOf, resumeOf } from '../../../src/ag-ui-client/questions.ts'

const now = Date.parse('2026-01-01T00:00:00Z')
const context = { interactionId: 'int_1', commandId: 'c1', sessionId: 's1', now, call: undefined }
const approved = { type: 'boolean' }
const object = (properties: object, required: string[] = []) => ({ type: 'object', properties, required })

const cases: {
  what: string
  interrupt: Partial<Interrupt>
  kind: string
  options: string[]
  answers: [Partial<InteractionAnswer>, unknown][]
}[] = [
  {
    what: 'a tool call',
    interrupt: { reason: 'tool_call', toolCallId: 'k1' },
    kind: 'permission',
    options: ['allow', 'deny'],
    answers: [
      [{ optionId: 'allow' }, { approved: true }],
      [{ optionId: 'deny' }, { approved: false }],
      [
        { optionId: 'deny', text: 'not today' },
        { approved: false, reason: 'not today' },
      ],
    ],
  },
  {
    what: 'a confirmation',
    interrupt: { reason: 'confirmation' },
    kind: 'permission',
    options: ['allow', 'deny'],
    answers: [
      [{ optionId: 'allow' }, true],
      [{ optionId: 'deny' }, false],
    ],
  },
  {
    what: 'an approval that may be edited',
    interrupt: {
      reason: 'x:y',
      responseSchema: object({ approved, editedArgs: { type: 'object' } }, ['approved']),
    },
    kind: 'permission',
    options: ['allow', 'deny'],
    answers: [[{ optionId: 'allow' }, { approved: true }]],
  },
  {
    what: 'an approval that needs more than a yes',
    interrupt: { responseSchema: object({ approved, fingerprint: { type: 'string' } }, ['approved', 'fingerprint']) },
    kind: 'form',
    options: ['cancel'],
    answers: [[{ answers: { approved: true, fingerprint: 'f' } }, { approved: true, fingerprint: 'f' }]],
  },
  {
    what: 'a form',
    interrupt: { reason: 'input_required', responseSchema: object({ year: { type: 'integer' } }, ['year']) },
    kind: 'form',
    options: ['cancel'],
    answers: [[{ answers: { year: 2026 } }, { year: 2026 }]],
  },
  {
    what: 'a choice',
    interrupt: { responseSchema: { type: 'string', enum: ['Q1', 'Q2', ''] } },
    kind: 'question',
    options: ['o0', 'o1', 'o2', 'cancel'],
    answers: [
      [{ optionId: 'o1' }, 'Q2'],
      [{ optionId: 'o2' }, ''],
      [{ text: 'Q3' }, 'Q3'],
    ],
  },
  {
    what: 'more choices than a question may have',
    interrupt: { responseSchema: { enum: Array.from({ length: 40 }, (_, i) => `v${i}`) } },
    kind: 'question',
    options: ['cancel'],
    answers: [[{ text: 'v39' }, 'v39']],
  },
  {
    what: 'anything else',
    interrupt: { reason: 'langgraph:database_modification', responseSchema: { type: 'string' } },
    kind: 'question',
    options: ['cancel'],
    answers: [[{ text: 'go on' }, 'go on']],
  },
]

for (const { what, interrupt, kind, options, answers } of cases) {
  t.test(`${what} is a ${kind}`, async t => {
    const whole = { id: 'i', reason: 'r', ...interrupt } as Interrupt
    const question = questionOf(whole, context)!
    t.match(question, { kind, options: options.map(id => ({ id })) })
    t.equal(question.options.length, options.length)
    for (const [answer, payload] of answers) {
      const resumed = { interruptId: 'i', status: 'resolved', payload }
      t.same(resumeOf(whole, { interactionId: 'int_1', ...answer }), resumed)
    }
    const cancelled = { interruptId: 'i', status: 'cancelled' }
    t.same(resumeOf(whole, undefined), cancelled)
    t.same(resumeOf(whole, { interactionId: 'int_1', optionId: 'allow', expired: true }), cancelled)
    if (kind !== 'permission') t.same(resumeOf(whole, { interactionId: 'int_1', optionId: 'cancel' }), cancelled)
  })
}

t.test('a question has a title, a description and a timeout', async t => {
  const ask = (interrupt: Partial<Interrupt>, call?: string) =>
    questionOf({ id: 'i', reason: 'langgraph:database_modification', ...interrupt } as Interrupt, { ...context, call })
  t.match(ask({}), { title: 'The agent asks: database modification' })
  t.match(ask({ message: ' Delete?\nAll of it. ' }), { title: 'Delete?', description: 'Delete?\nAll of it.' })
  const long = 'x'.repeat(600)
  t.match(ask({ message: long }), { title: /^x{510} …$/, description: long })
  t.match(ask({}, 'rm {"path":"/"}'), { subject: { type: 'tool_call', preview: 'rm {"path":"/"}' } })
  t.match(ask({ expiresAt: '2026-01-01T00:01:00Z' }), { timeoutMs: 60_000, defaultOnTimeout: 'cancel' })
  t.equal(ask({ expiresAt: '2025-12-31T23:59:59Z' }), undefined)
  t.match(ask({ expiresAt: '9999-01-01T00:00:00Z' }), { timeoutMs: 365 * 86_400_000 })
  t.equal(ask({ expiresAt: 'next week' })?.timeoutMs, undefined)
})
