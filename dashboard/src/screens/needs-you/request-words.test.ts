import type { Interaction } from '@fleetwire/protocol'
import { test } from 'tap'
import { keyOption, mainOption } from './request-words.ts'

const options: Interaction['options'] = [
  { id: 'always', label: 'Always allow', effect: 'allow', scope: 'always' },
  { id: 'no', label: 'Deny', effect: 'deny' },
  { id: 'yes', label: 'Allow', effect: 'allow' },
]
const request = (fields: Partial<Interaction>): Interaction =>
  ({ kind: 'permission', risk: 'low', options, ...fields }) as Interaction

test('one option stands out: what allows, in the narrowest scope', async t => {
  t.equal(mainOption(request({}))?.id, 'yes')
  t.equal(mainOption(request({ kind: 'form' }))?.id, 'yes')
  t.equal(mainOption(request({ options: options.filter(({ effect }) => effect === 'deny') })), undefined)
  t.equal(mainOption(request({ kind: 'question' })), undefined, 'answers to a question are equals')
  t.equal(mainOption(request({ kind: 'question', options: options.slice(1) }))?.id, 'yes')
})

test('a key answers neither what is risky nor what has a form to fill in', async t => {
  t.equal(keyOption(request({}), 'allow')?.id, 'yes')
  t.equal(keyOption(request({}), 'deny')?.id, 'no')
  t.equal(keyOption(request({ risk: 'high' }), 'deny'), undefined)
  t.equal(keyOption(request({ risk: 'unknown' }), 'allow'), undefined)
  t.equal(keyOption(request({ kind: 'form' }), 'allow'), undefined)
  t.equal(keyOption(request({ kind: 'form' }), 'deny')?.id, 'no')
})
