import t from 'tap'
import { readHookInput } from '../../../../src/report/claude-code/hook-input.ts'
import { reportedEvents, reportsOf } from '../../../../src/report/claude-code/hook-reports.ts'
import { readReportLine } from '../../../../src/report/report-line.ts'
import { hooks, sessionId } from './hook-inputs.ts'

const defaults = { sessionId: 'ses_own', source: 's', newId: () => 'new' }
const reports = (input: object) => {
  const read = readHookInput(JSON.stringify(input))
  return read === undefined ? [] : reportsOf(read, prefix => `${prefix}_new`)
}

const table: Record<string, [type: string, payload: object][]> = {
  SessionStart: [
    ['session:start', { sessionId, title: 'Claude Code in app' }],
    ['agent:status', { work: 'idle' }],
  ],
  UserPromptSubmit: [
    ['message:start', { sessionId, messageId: 'msg_550e8400-e29b-41d4-a716-446655440000', role: 'user' }],
    ['message:delta', { messageId: 'msg_550e8400-e29b-41d4-a716-446655440000', delta: 'Write a function\nthat adds' }],
    ['message:end', { messageId: 'msg_550e8400-e29b-41d4-a716-446655440000' }],
    ['agent:status', { work: 'working' }],
  ],
  PreToolUse: [
    ['tool:start', { sessionId, toolCallId: 'toolu_01ABC123', name: 'Bash', args: hooks.PreToolUse.tool_input }],
    ['agent:status', { work: 'working', detail: 'Bash: npm test' }],
  ],
  PostToolUse: [
    ['tool:end', { sessionId, toolCallId: 'toolu_01ABC123', result: hooks.PostToolUse.tool_response }],
    ['agent:status', { work: 'working' }],
  ],
  PostToolUseFailure: [
    ['tool:end', { toolCallId: 'toolu_01ABC123', error: { code: 'tool_failed', message: /Cannot find module/ } }],
    ['agent:status', { work: 'working' }],
  ],
  PermissionDenied: [
    ['tool:end', { toolCallId: 'toolu_01ABC123', error: { code: 'denied', message: 'Blocked by classifier' } }],
    ['agent:status', { work: 'working' }],
  ],
  PreCompact: [['agent:status', { work: 'working', detail: 'Compacting the conversation' }]],
  Notification: [['agent:status', { work: 'waiting', detail: 'Claude needs your permission' }]],
  Stop: [
    ['message:start', { sessionId, messageId: 'msg_new', role: 'assistant' }],
    ['message:delta', { messageId: 'msg_new', delta: 'I added it.' }],
    ['message:end', { messageId: 'msg_new' }],
    ['agent:status', { work: 'idle' }],
  ],
  StopFailure: [
    ['agent:error', { code: 'rate_limit', message: 'The turn ended: 429 Too Many Requests' }],
    ['agent:status', { work: 'idle' }],
  ],
  SessionEnd: [['session:end', { sessionId }]],
}

for (const [event, frames] of Object.entries(table)) {
  t.test(`${event} reports what the table lists, in frames that a wrapper accepts`, async t => {
    const found = reports(hooks[event as keyof typeof hooks])
    t.match(
      found,
      frames.map(([type, payload]) => ({ type, payload })),
    )
    t.equal(found.length, frames.length)
    for (const frame of found) t.match(readReportLine(JSON.stringify(frame), defaults), { ok: true })
  })
}

t.test('the table is complete', async t => {
  t.same(Object.keys(table).sort(), [...reportedEvents].sort())
  t.same(reports(hooks.PermissionRequest), [], 'permissions are requested, not reported')
  t.same(reports({ ...hooks.Stop, hook_event_name: 'NewInTheNextVersion' }), [])
  t.same(reports({ ...hooks.Stop, hook_event_name: 'constructor' }), [])
})

t.test('fields that a version omits, or sends with another type, cause no error', async t => {
  for (const event of reportedEvents) {
    for (const rest of [
      {},
      { session_id: 7, cwd: [], prompt: {}, tool_name: null, tool_use_id: 4, error: [1], message: 1 },
    ]) {
      for (const frame of reports({ hook_event_name: event, ...rest }))
        t.match(readReportLine(JSON.stringify(frame), defaults), { ok: true }, `${event}: ${JSON.stringify(frame)}`)
    }
  }
  for (const text of ['', 'null', '[]', '"Stop"', '{}', '{"hook_event_name":1}', '{'])
    t.equal(readHookInput(text), undefined, text)
})

t.test('notifications of earlier versions are recognised by their text', async t => {
  const told = (message: string, notification_type?: string) =>
    reports({ hook_event_name: 'Notification', message, notification_type }).map(({ payload }) => payload)
  t.match(told('Claude needs your permission to use Bash'), [{ work: 'waiting' }])
  t.match(told('Claude is waiting for your input'), [{ work: 'idle' }])
  t.match(told('Welcome', 'idle_prompt'), [{ work: 'idle' }])
  t.match(told('Fill in', 'elicitation_dialog'), [{ work: 'waiting' }])
  t.same(told('Logged in', 'auth_success'), [])
})

t.test('long tool calls are truncated with a mark, and no report is too large for a frame', async t => {
  const deep = JSON.parse(`${'{"a":'.repeat(60)}1${'}'.repeat(60)}`)
  const inputs = [
    { content: 'x'.repeat(1_000_000), file_path: '/a' },
    { edits: Array.from({ length: 5000 }, (_, i) => ({ old_string: `o${i}`, new_string: '🙂'.repeat(20) })) },
    Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, 'v'.repeat(100)])),
    deep,
  ]
  for (const tool_input of inputs) {
    const [start] = reports({ ...hooks.PreToolUse, tool_input })
    const line = JSON.stringify(start)
    t.ok(Buffer.byteLength(line) < 200_000, `${Buffer.byteLength(line)} bytes`)
    t.match(readReportLine(line, defaults), { ok: true })
    t.match(line, /…|shortened/)
  }
  for (const text of ['é'.repeat(500_000), '\x00'.repeat(200_000), '🙂'.repeat(100_001)]) {
    const said = reports({ ...hooks.Stop, last_assistant_message: text })
    for (const frame of said) t.ok(Buffer.byteLength(JSON.stringify(frame)) < 256 * 1024)
    t.equal(said.map(({ payload }) => ('delta' in payload ? payload.delta : '')).join(''), text)
  }
  const small = { command: 'ls', nested: { list: [1, null, true] } }
  t.match(reports({ ...hooks.PreToolUse, tool_input: small }), [{ payload: { args: small } }, {}])
})
