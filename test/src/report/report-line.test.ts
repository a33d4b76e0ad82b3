import t from 'tap'
import { readReportLine } from '../../../src/report/report-line.ts'

let ids = 0
const defaults = { sessionId: 'ses_own', source: 'claude', newId: (prefix: string) => `${prefix}_new${ids++}` }
const command = { commandId: 'cmd_1', attempt: 2 }
const read = (line: unknown, more = {}) =>
  readReportLine(typeof line === 'string' ? line : JSON.stringify(line), { ...defaults, ...more })
const frame = (type: string, payload: object) => ({ type, payload })

t.test('fields that a program cannot know are filled in, and those it sends are kept', async t => {
  const cases: [line: object, payload: object][] = [
    [frame('agent:status', { work: 'working', detail: 'x' }), { work: 'working', detail: 'x' }],
    [frame('message:start', { messageId: 'm' }), { sessionId: 'ses_own', messageId: 'm' }],
    [frame('message:start', { messageId: 'm', sessionId: 's' }), { sessionId: 's', messageId: 'm' }],
    [frame('tool:start', { toolCallId: 'c', name: 'Bash' }), { sessionId: 'ses_own', toolCallId: 'c', name: 'Bash' }],
    [frame('state:snapshot', { snapshot: 1 }), { sessionId: 'ses_own', snapshot: 1 }],
    [
      frame('usage:report', { requestId: 'r', inputTokens: 1 }),
      { source: 'claude', mode: 'delta', requestId: 'r', inputTokens: 1 },
    ],
    [
      frame('interaction:request', { title: 'Go?' }),
      { interactionId: 'int_new0', kind: 'permission', options: [], title: 'Go?' },
    ],
    [frame('task:create', { title: 'T' }), { taskId: 'task_new1', title: 'T' }],
    [frame('task:complete', { taskId: 't' }), { taskId: 't' }],
    [frame('agent:metrics', { tokens: 5 }), { tokens: 5 }],
  ]
  for (const [line, payload] of cases) {
    const result = read(line)
    t.match(result, { ok: true, isQuiet: false })
    t.same(result.ok && result.frame.payload, payload)
  }
})

t.test('progress belongs to the running command, whatever the program says', async t => {
  const line = frame('command:progress', { progress: 0.5, commandId: 'cmd_other', attempt: 9 })
  t.match(read(line), { ok: false, code: 'conflict', message: /No command is running/ })
  t.match(read(line, { command }), { frame: { payload: { ...command, progress: 0.5 } } })
})

t.test('an invalid line is refused with the reason', async t => {
  const cases: [line: unknown, code: string, message: RegExp][] = [
    ['{', 'bad_json', /not valid JSON/],
    ['"text"', 'invalid_frame', /A frame must be a JSON object/],
    ['[]', 'invalid_frame', /A frame must be a JSON object/],
    ['{}', 'invalid_frame', /type: a string is required/],
    [{ type: 7 }, 'invalid_frame', /type: a string is required/],
    [frame('agent:status', { work: 'busy' }), 'invalid_frame', /payload\.work: expected one of "starting"/],
    [frame('agent:status', {}), 'invalid_frame', /payload\.work: is required/],
    [{ type: 'agent:status' }, 'invalid_frame', /payload\.work: is required/],
    [frame('tool:start', { name: 'x' }), 'invalid_frame', /payload\.toolCallId: is required/],
    [frame('usage:report', { inputTokens: 1 }), 'invalid_frame', /payload\.requestId: is required/],
    [frame('usage:report', { requestId: 'r', inputTokens: -1 }), 'invalid_frame', /payload\.inputTokens/],
    [{ ...frame('agent:status', { work: 'idle' }), id: 'no id' }, 'invalid_frame', /id: expected letters/],
    [`{"type":"state:snapshot","payload":{"snapshot":${'['.repeat(200)}${']'.repeat(200)}}}`, 'invalid_frame', /deep/],
  ]
  for (const [line, code, message] of cases) t.match(read(line), { ok: false, code, message }, JSON.stringify(line))
})

t.test('a program reports its work, but cannot speak for the connection of its agent', async t => {
  for (const type of [
    'agent:connect',
    'agent:exit',
    'heartbeat',
    'command:result',
    'command:ack',
    'terminal:output',
    'x',
    'toString',
  ])
    t.match(read({ type, payload: {} }), { ok: false, code: 'unknown_type', message: /A program cannot report/ }, type)
})

t.test('the envelope says who waits, and for how long', async t => {
  const status = frame('agent:status', { work: 'idle' })
  t.match(read({ ...status, id: 'a', quiet: true, patienceMs: 5 }), { id: 'a', isQuiet: true, patienceMs: 5 })
  t.match(read({ ...status, quiet: 'yes', patienceMs: 'long' }), { isQuiet: false, patienceMs: undefined })
  t.match(read({ type: 'x', id: 'b', quiet: true }), { ok: false, id: 'b', isQuiet: true })
})
