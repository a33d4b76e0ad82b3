import t from 'tap'
import { readHookInput } from '../../../../src/report/claude-code/hook-input.ts'
import { permissionOf } from '../../../../src/report/claude-code/hook-permission.ts'
import { readReportLine } from '../../../../src/report/report-line.ts'
import { hooks, plan, question, sessionId } from './hook-inputs.ts'

const ask = (input: object) =>
  permissionOf(readHookInput(JSON.stringify(input))!, { interactionId: 'int_1', timeoutMs: 60_000 })
/** An answer as the wrapper returns it: with the digest of what was asked about. */
const answering = (input: object) => {
  const { question, output } = ask(input)
  const digest = question.subject!.digest!
  return (answer: object) => output({ interactionId: 'int_1', digest, ...answer })
}

t.test('a permission shows what would run, and every choice that Claude Code itself offers', async t => {
  const { question } = ask(hooks.PermissionRequest)
  t.match(question, {
    interactionId: 'int_1',
    sessionId,
    kind: 'permission',
    title: 'Bash: rm -rf node_modules',
    description: 'Remove node_modules directory',
    subject: { type: 'command', preview: 'rm -rf node_modules', digest: /^sha256:[0-9a-f]{64}$/ },
    risk: 'unknown',
    timeoutMs: 60_000,
    defaultOnTimeout: 'cancel',
  })
  t.same(question.options, [
    { id: 'allow', label: 'Allow', effect: 'allow', scope: 'once' },
    { id: 'always-1', label: 'Allow Bash(rm -rf node_modules) always', effect: 'allow', scope: 'always' },
    { id: 'always-2', label: 'Allow all edits in this session', effect: 'allow', scope: 'session' },
    { id: 'always-4', label: 'Allow work in /srv/ann/lib in this session', effect: 'allow', scope: 'session' },
    { id: 'deny', label: 'Deny', effect: 'deny', scope: 'once' },
  ])
  t.match(
    readReportLine(JSON.stringify({ type: 'interaction:request', payload: question }), {
      sessionId: 's',
      source: 's',
      newId: () => 'x',
    }),
    { ok: true },
  )
})

t.test('an answer to PermissionRequest becomes its decision', async t => {
  const answer = answering(hooks.PermissionRequest)
  const decision = (decision: object) => ({ hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } })
  t.same(answer({ optionId: 'allow' }), decision({ behavior: 'allow' }))
  t.same(answer({ optionId: 'deny' }), decision({ behavior: 'deny', message: 'A person denied this in Fleetwire.' }))
  t.same(answer({ optionId: 'deny', text: 'use trash' }), decision({ behavior: 'deny', message: 'use trash' }))
  t.same(
    answer({ optionId: 'always-1' }),
    decision({ behavior: 'allow', updatedPermissions: [hooks.PermissionRequest.permission_suggestions[0]] }),
  )
})

t.test('an answer to PreToolUse becomes its decision', async t => {
  const answer = answering(hooks.PreToolUse)
  const output = (permissionDecision: string) => ({
    hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision },
  })
  t.match(answer({ optionId: 'allow' }), output('allow'))
  t.match(answer({ optionId: 'deny' }), output('deny'))
  t.match(answer({ expired: true }), output('ask'))
  t.match(ask(hooks.PreToolUse).output(undefined), output('ask'))
  t.same(
    ask({ ...hooks.PermissionRequest, hook_event_name: 'PreToolUse' }).question.options.map(({ id }) => id),
    ['allow', 'deny'],
  )
})

t.test('anything but a clear answer to this very question decides nothing', async t => {
  const { output, question: asked } = ask(hooks.PermissionRequest)
  const digest = asked.subject!.digest!
  const answers = [
    undefined,
    { interactionId: 'int_1' },
    { interactionId: 'int_1', digest },
    { interactionId: 'int_1', digest, expired: true },
    { interactionId: 'int_1', digest, expired: true, optionId: 'allow' },
    { interactionId: 'int_1', digest, optionId: 'always-3' },
    { interactionId: 'int_1', digest, optionId: 'always-5' },
    { interactionId: 'int_1', digest, optionId: 'yes' },
    { interactionId: 'int_1', digest, text: 'allow' },
    { interactionId: 'int_1', optionId: 'allow' },
    { interactionId: 'int_1', digest: 'sha256:other', optionId: 'allow' },
  ]
  for (const answer of answers) t.equal(output(answer), undefined, JSON.stringify(answer))
})

t.test('a question of the program is answered with its own labels, or with text', async t => {
  const { question: asked } = ask(question)
  t.match(asked, { kind: 'question', title: 'Which framework?' })
  t.same(
    asked.options.map(({ id, label, effect }) => [id, label, effect]),
    [
      ['choice-1', 'React', 'allow'],
      ['choice-2', 'Vue', 'allow'],
      ['deny', 'Do not answer', 'deny'],
    ],
  )
  const answer = answering(question)
  const answered = (answers: object) => ({
    hookSpecificOutput: {
      hookEventName: 'PermissionRequest',
      decision: { behavior: 'allow', updatedInput: { ...question.tool_input, answers } },
    },
  })
  t.same(answer({ optionId: 'choice-2' }), answered({ 'Which framework?': 'Vue' }))
  t.same(answer({ text: ' Svelte ' }), answered({ 'Which framework?': 'Svelte' }))
  t.match(answer({ optionId: 'deny' }), { hookSpecificOutput: { decision: { behavior: 'deny' } } })
  t.equal(answer({ text: '  ' }), undefined)
})

t.test('several questions become one form', async t => {
  const [one] = question.tool_input.questions
  const several = {
    ...question,
    tool_input: {
      questions: [one, { question: 'Which features?', options: [{ label: 'A' }, { label: 'B' }], multiSelect: true }],
    },
  }
  t.match(ask(several).question, {
    kind: 'form',
    schema: {
      required: ['q1', 'q2'],
      properties: {
        q1: { title: 'Which framework?', enum: ['React', 'Vue'] },
        q2: { title: 'Which features?', type: 'string', description: /A, B; separated by commas/ },
      },
    },
  })
  const answer = answering(several)
  t.match(answer({ answers: { q1: 'React', q2: 'A, B' } }), {
    hookSpecificOutput: {
      decision: { updatedInput: { answers: { 'Which framework?': 'React', 'Which features?': 'A, B' } } },
    },
  })
  t.match(answer({ answers: { q1: 'React', q2: ['A', 'B'] } }), {
    hookSpecificOutput: { decision: { updatedInput: { answers: { 'Which features?': 'A, B' } } } },
  })
  t.equal(answer({ answers: { q1: 'React' } }), undefined)
})

t.test('a question of unknown shape is a permission like any other', async t => {
  for (const questions of [[], 'text', [{}], [{ question: 'x', options: [{}] }], [{ question: 'x', options: [] }]])
    t.equal(ask({ ...question, tool_input: { questions } }).question.kind, 'permission')
})

t.test('a plan is shown in full, and carried out with its own input', async t => {
  t.match(ask(plan).question, { kind: 'permission', description: /^## Refactor auth/, title: 'ExitPlanMode' })
  t.same(answering(plan)({ optionId: 'allow' }), {
    hookSpecificOutput: {
      hookEventName: 'PermissionRequest',
      decision: { behavior: 'allow', updatedInput: plan.tool_input },
    },
  })
})

t.test('nobody can grant more than they were shown', async t => {
  const long = { ...hooks.PermissionRequest, tool_input: { command: `${'echo hello; '.repeat(5000)}rm -rf /` } }
  const { question } = ask(long)
  t.match(question, { risk: 'high', subject: { preview: /…$/ } })
  const wide = {
    ...hooks.PermissionRequest,
    permission_suggestions: [
      {
        type: 'addRules',
        behavior: 'allow',
        destination: 'session',
        rules: Array.from({ length: 90 }, () => ({ toolName: 'Bash' })),
      },
    ],
  }
  t.same(
    ask(wide).question.options.map(({ id }) => id),
    ['allow', 'deny'],
  )
  t.not(ask(long).question.subject?.digest, ask(hooks.PermissionRequest).question.subject?.digest)
})
