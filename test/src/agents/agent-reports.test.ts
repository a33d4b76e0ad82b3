import { decodeAgentFrame } from '@fleetwire/protocol'
import t from 'tap'
import { type ReportFrame, readReport } from '../../../src/agents/agent-reports.ts'
import { draftsOf } from '../../../src/sessions/open-messages.ts'

const from = { agentId: 'a', bootId: 'b1' }
const forged = { agentId: 'another', bootId: 'b9', lifecycle: 'started', createdBy: 'root' }

/** Decodes a frame as it arrives, with extra fields that an agent may not set. */
function read(type: string, payload: object) {
  const decoded = decodeAgentFrame(JSON.stringify({ type, n: 1, payload: { ...forged, ...payload } }))
  if (!decoded.ok) throw new Error(decoded.message)
  return readReport(decoded.frame as ReportFrame, from)
}

const ofCommand = { commandId: 'c', attempt: 2 }

t.test(
  '[CS3] [CS8] [CS24] an agent’s report on a command carries its attempt and nothing about other commands',
  async t => {
    const table: [type: string, payload: object, event: object][] = [
      ['command:ack', {}, { kind: 'ack' }],
      ['command:reject', {}, { kind: 'reject', reason: 'busy' }],
      ['command:reject', { reason: 'policy', message: 'no' }, { kind: 'reject', reason: 'policy', message: 'no' }],
      ['command:progress', { progress: 0.5 }, { kind: 'progress', progress: { progress: 0.5 } }],
      ['command:progress', {}, { kind: 'progress', progress: {} }],
      [
        'command:result',
        { status: 'failed', error: 'boom', exitCode: 1, output: null },
        { kind: 'result', outcome: { status: 'failed', error: 'boom', exitCode: 1, output: null } },
      ],
    ]
    for (const [type, payload, event] of table) {
      const report = { kind: 'command', commandId: 'c', event: { attempt: 2, ...event } }
      t.same(read(type, { ...ofCommand, ...payload }), report, type)
    }
  },
)

const message = { sessionId: 's', messageId: 'm' }
const tool = { sessionId: 's', toolCallId: 't' }
const messages = 'agents.a.sessions.s.messages'
const log = 'agents.a.log'

t.test('[SE1] [SE3] [SE5] an event names the agent that sent it', async t => {
  const table: [type: string, payload: object, event?: object][] = [
    ['message:start', message, { ...message, role: 'assistant' }],
    ['message:start', { ...message, role: 'user', text: 'hi' }],
    ['message:delta', { ...message, delta: 'h' }],
    ['message:end', message],
    ['tool:start', { ...tool, name: 'ls', args: { a: 1 } }],
    ['tool:args', { ...tool, delta: '{' }],
    ['tool:end', { ...tool, result: [] }],
  ]
  for (const [type, payload, event = payload] of table) {
    t.same(read(type, payload), { kind: 'stream', event: { type, payload: { ...event, agentId: 'a' } } }, type)
  }
  const error = { message: 'oh', fatal: true }
  const drafts = [{ type: 'agent:error', topic: log, payload: { ...error, agentId: 'a' } }]
  t.same(read('agent:error', error), { kind: 'events', drafts })
  const usage = { source: 'api', mode: 'delta', requestId: 'r', inputTokens: 5 }
  t.same(read('usage:report', usage), { kind: 'usage', report: usage })
})

t.test('[TP5] an event names the task that it concerns', async t => {
  const drafts = (type: string, payload: object) => {
    const report = read(type, payload)
    return report.kind === 'stream' ? draftsOf(report.event) : []
  }
  t.match(drafts('message:delta', { ...message, delta: '', taskId: 't1' }), [{ topic: messages, taskId: 't1' }])
  t.notOk('taskId' in drafts('message:end', message)[0]!)
})

t.test('[AG4] a report of work is not an event by itself', async t => {
  const report = { work: 'waiting', detail: 'for a key', evidence: 'guessed' }
  t.same(read('agent:status', report), { kind: 'work', report })
})

t.test('[AG7] the exit of an agent belongs to its own boot', async t => {
  const payload = { agentId: 'a', bootId: 'b1', lifecycle: 'crashed', exitCode: 1 }
  const drafts = [{ type: 'agent:lifecycle', topic: log, payload }]
  t.same(read('agent:exit', { reason: 'crashed', exitCode: 1 }), { kind: 'exit', reason: 'crashed', drafts })
})
