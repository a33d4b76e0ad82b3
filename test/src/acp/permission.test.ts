import type { RequestPermissionRequest, ToolCall } from '@agentclientprotocol/sdk'
import { test } from 'tap'
import { elicitationAnswer, elicitationQuestion } from '../../../src/acp/elicitation.ts'
import { outcomeOf, permissionOf } from '../../../src/acp/permission.ts'

const allow = { optionId: 'yes', name: 'Yes', kind: 'allow_once' } as const
const asks = (toolCall: object, options: object[] = [allow]) =>
  ({ sessionId: 's', toolCall: { toolCallId: 'c', ...toolCall }, options }) as RequestPermissionRequest

test('a question shows the change, the command line or the input, whichever is most informative', t => {
  const subject = (toolCall: object) => permissionOf(asks(toolCall), undefined).question.subject
  const diff = { type: 'diff', path: '/a', oldText: null, newText: 'new\n' }
  t.match(subject({ content: [diff], rawInput: { x: 1 } }), {
    type: 'diff',
    preview: '--- /dev/null\n+++ /a\n@@ -0,0 +1,1 @@\n+new',
  })
  t.match(subject({ kind: 'execute', rawInput: { command: 'rm', args: ['-rf', 'x'] } }), {
    type: 'command',
    preview: 'rm -rf x',
  })
  t.match(subject({ kind: 'fetch', rawInput: { url: 'u' } }), { type: 'tool_call', preview: '{\n  "url": "u"\n}' })
  t.match(subject({ content: [{ type: 'content', content: { type: 'text', text: 'Go?' } }] }), { preview: 'Go?' })
  const [one, two] = [subject({ rawInput: { a: 1 } }), subject({ rawInput: { a: 2 } })]
  t.not(one?.digest, two?.digest, 'an answer to one does not apply to the other')
  const long = (middle: string) => subject({ rawInput: { text: 'x'.repeat(50_000) + middle + 'x'.repeat(50_000) } })
  const [kept, swapped] = [long('keep'), long('wipe')]
  t.equal(kept?.preview, swapped?.preview, 'too long to be shown in full')
  t.not(kept?.digest, swapped?.digest, 'and still not the same')
  let deep: unknown = 1
  for (let i = 0; i < 9000; i++) deep = { deep }
  t.match(subject({ rawInput: deep }), { preview: /nested too deeply/, digest: /^sha256:/ })
  for (let i = 0; i < 1_000_000; i++) deep = [deep]
  t.match(subject({ rawInput: deep }), { preview: /nested too deeply/, digest: /^sha256:/ })
  t.end()
})

test('a question uses what the program reported about the call earlier, but its own fields take precedence', t => {
  const known = { toolCallId: 'c', title: 'Delete', kind: 'delete', locations: [{ path: '/a', line: 4 }] } as ToolCall
  t.match(permissionOf(asks({ title: null, kind: undefined }), known).question, {
    title: 'Delete',
    description: 'delete /a:4',
    risk: 'high',
  })
  t.match(permissionOf(asks({ title: 'Read', kind: 'read' }), known).question, { title: 'Read', risk: 'low' })
  t.match(permissionOf(asks({}), undefined).question, { title: 'May the tool be used?', risk: 'unknown' })
  t.end()
})

test('options keep their meaning, and answers match them whatever their ids are', t => {
  const options = [
    allow,
    { optionId: 'yes', name: 'Always', kind: 'allow_always' },
    { optionId: 'é'.repeat(100), name: 'No', kind: 'reject_once' },
    { optionId: 'never', name: 'Never', kind: 'reject_always' },
    { optionId: 'new', name: 'Later', kind: '_of_a_later_version' },
  ]
  const permission = permissionOf(asks({}, options), undefined)
  t.same(
    permission.question.options.map(({ id, effect, scope }) => [id, effect, scope]),
    [
      ['yes', 'allow', 'once'],
      ['option_2', 'allow', 'always'],
      ['option_3', 'deny', 'once'],
      ['never', 'deny', 'always'],
      ['new', 'deny', 'once'],
    ],
  )
  t.same(outcomeOf({ optionId: 'option_3' } as never, permission), { outcome: 'selected', optionId: 'é'.repeat(100) })
  t.same(outcomeOf({ expired: true } as never, permission), { outcome: 'cancelled' })
  t.same(outcomeOf({ optionId: 'none of them' } as never, permission), { outcome: 'cancelled' })
  t.throws(() => permissionOf(asks({}, []), undefined), { code: -32602 })
  t.equal(permissionOf(asks({}, Array(50).fill(allow)), undefined).question.options.length, 32)
  t.end()
})

test('a form is shown, and its answers are returned', t => {
  const form = {
    sessionId: 's',
    mode: 'form',
    message: 'Who?\nSay it.',
    requestedSchema: { type: 'object', properties: {} },
  }
  t.match(elicitationQuestion(form as never), {
    kind: 'form',
    title: 'Who?',
    description: 'Who?\nSay it.',
    schema: { type: 'object' },
  })
  t.throws(() => elicitationQuestion({ ...form, mode: 'url' } as never), { code: -32602, message: /not "url"/ })
  t.same(elicitationAnswer({ optionId: 'submit', answers: { a: 1 } } as never), { action: 'accept', content: { a: 1 } })
  t.same(elicitationAnswer({ answers: { a: 1 } } as never), { action: 'accept', content: { a: 1 } })
  t.same(elicitationAnswer({ optionId: 'submit' } as never), { action: 'accept' })
  t.same(elicitationAnswer({ optionId: 'decline', answers: {} } as never), { action: 'decline' })
  t.same(elicitationAnswer({ expired: true } as never), { action: 'cancel' })
  t.same(elicitationAnswer(undefined), { action: 'cancel' })
  t.end()
})
