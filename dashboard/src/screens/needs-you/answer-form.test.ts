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

const byField = (typed: Record<string, string>) => new Map(Object.entries(typed))

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
  t.same(formAnswers(fields, byField({ count: '3', size: 'large', force: 'true', tags: '["a"]' })), {
    ...{ ok: true, answers: { branch: 'main', count: 3, size: 'large', force: true, tags: ['a'] } },
  })
})

t.test('each wrong field says what is wrong', async t => {
  const fields = formFields(schema)!
  const errors = (typed: Record<string, string>) => {
    const result = formAnswers(fields, byField(typed))
    return result.ok ? {} : Object.fromEntries(result.errors)
  }
  t.same(errors({ branch: ' ', count: 'x' }), { branch: 'Branch is required.', count: 'Enter a number.' })
  t.same(errors({ count: '1.5' }), { count: 'Enter a whole number.' })
  t.same(errors({ count: '0' }), { count: 'At least 1.' })
  t.same(errors({ count: '10' }), { count: 'At most 9.' })
  t.match(errors({ count: '1', tags: 'a, b' }), { tags: /JSON/ })
})

t.test('a field may have the name of something that every object has', async t => {
  const names = ['constructor', '__proto__', 'toString']
  const properties = JSON.parse(`{${names.map(name => `"${name}":{"type":"string"}`).join()}}`)
  const fields = formFields({ type: 'object', required: names, properties })!
  const empty = formAnswers(fields, new Map())
  t.same(empty.ok ? [] : [...empty.errors.keys()], names)
  const filled = formAnswers(fields, new Map(names.map(name => [name, 'x'])))
  t.same(
    filled.ok ? Object.entries(filled.answers) : [],
    names.map(name => [name, 'x']),
  )
})
