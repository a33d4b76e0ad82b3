import t from 'tap'
import { formAnswers, formFields } from './answer-form.ts'

const schema = {
  type: 'object',
  required: ['branch', 'count'],
  properties: {
    branch: { type: 'string', title: 'Branch', description: 'To compare with', default: 'main' },
    count: { type: 'integer', minimum: 1, maximum: 9 },
    size: { enum: ['small', 'large'] },
    force: { type: 'boolean' },
    notes: { type: 'string', maxLength: 2000 },
    tags: { type: 'array' },
  },
}

t.test('fields of a schema', async t => {
  const fields = formFields(schema)!
  t.same(
    fields.map(({ name, input }) => [name, input.type]),
    [
      ...[
        ['branch', 'text'],
        ['count', 'number'],
        ['size', 'choice'],
        ['force', 'boolean'],
      ],
      ...[
        ['notes', 'text'],
        ['tags', 'json'],
      ],
    ],
  )
  t.match(fields[0], { label: 'Branch', hint: 'To compare with', required: true, initial: 'main' })
  t.match(fields[4], { input: { multiline: true } })
  for (const other of [undefined, null, 'x', [], { type: 'string' }]) t.equal(formFields(other as never), undefined)
})

t.test('what was typed becomes the answers', async t => {
  const fields = formFields(schema)!
  t.same(formAnswers(fields, { count: '3', size: 'large', force: 'true', tags: '["a"]' }), {
    ...{ ok: true, answers: { branch: 'main', count: 3, size: 'large', force: true, tags: ['a'] } },
  })
})

t.test('each wrong field says what is wrong', async t => {
  const fields = formFields(schema)!
  const errors = (typed: Record<string, string>) => {
    const result = formAnswers(fields, typed)
    return result.ok ? {} : result.errors
  }
  t.same(errors({ branch: ' ', count: 'x' }), { branch: 'Branch is needed.', count: 'Type a number.' })
  t.same(errors({ count: '1.5' }), { count: 'Type a whole number.' })
  t.same(errors({ count: '0' }), { count: 'At least 1.' })
  t.same(errors({ count: '10' }), { count: 'At most 9.' })
  t.match(errors({ count: '1', tags: 'a, b' }), { tags: /JSON/ })
})
