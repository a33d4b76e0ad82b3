import type { AgentPayloads, AgentServerPayloads } from '../frames/agent.ts'
import { serverSamples } from './client.ts'
import { badChoice, badId, type Samples } from './sample.ts'

const ofCommand = { commandId: 'c', attempt: 1 }
const message = { sessionId: 's', messageId: 'm' }
const toolCall = { sessionId: 's', toolCallId: 't' }
const size = { cols: 80, rows: 24 }
const badAttempt = [{ attempt: 0 }, 'payload.attempt: expected integer to be greater or equal to 1'] as const
const session = { minimal: { sessionId: 's' }, refused: [badId('sessionId')] }
const task = {
  minimal: { taskId: 't' },
  refused: [
    badId('taskId'),
    [{ progress: 1.01 }, 'payload.progress: expected number to be less or equal to 1'],
    [{ confidence: -0.01 }, 'payload.confidence: expected number to be greater or equal to 0'],
    [{ labels: { '': 'x' } }, 'payload.labels.: unexpected property'],
    [{ error: { code: 'x' } }, 'payload.error.message: is required'],
    [{ error: 5 }, 'payload.error: expected string or object'],
  ],
} as const

export const agentSamples: Samples<AgentPayloads> = {
  'agent:connect': {
    minimal: { bootId: 'b' },
    refused: [
      badId('bootId'),
      [{ connects: 0 }, 'payload.connects: expected integer to be greater or equal to 1'],
      [{ maxConcurrency: 0 }, 'payload.maxConcurrency: expected integer to be greater or equal to 1'],
      [{ labels: { ['k'.repeat(65)]: 'v' } }, `payload.labels.${'k'.repeat(65)}: unexpected property`],
      [{ labels: { k: 'v'.repeat(257) } }, 'payload.labels.k: expected string length less or equal to 256'],
      [
        { capabilities: { kinds: ['shell', 'A'] } },
        "payload.capabilities.kinds.1: expected string to match '^[a-z][a-z0-9_-]{0,63}$'",
      ],
      [
        { inventory: [{ ...ofCommand, state: 'gone' }] },
        'payload.inventory.0.state: expected one of "running", "finished"',
      ],
      [{ inventory: [{ commandId: 'c', state: 'running' }] }, 'payload.inventory.0.attempt: is required'],
      [{ terminals: [{ terminalId: 't', ...size }] }, 'payload.terminals.0.offset: is required'],
    ],
  },
  heartbeat: {
    minimal: {},
    refused: [[{ running: ['c', ''] }, 'payload.running.1: expected letters, digits, _ and -, at most 64']],
  },
  'agent:status': {
    minimal: { work: 'idle' },
    refused: [
      badChoice('work', 'starting', 'idle', 'working', 'waiting', 'stalled', 'stopped', 'error'),
      badChoice('evidence', 'reported', 'inferred', 'guessed'),
    ],
  },
  'agent:metrics': { minimal: {}, refused: [[{ cpu: '0.5' }, 'payload.cpu: expected number']] },
  'agent:error': { minimal: { message: '' }, refused: [] },
  'agent:exit': {
    minimal: { reason: 'stopped' },
    refused: [
      badChoice('reason', 'stopped', 'restarting', 'crashed'),
      [{ exitCode: 0.5 }, 'payload.exitCode: expected integer'],
    ],
  },
  'command:ack': { minimal: ofCommand, refused: [badId('commandId'), badAttempt] },
  'command:reject': { minimal: ofCommand, refused: [badAttempt, badChoice('reason', 'busy', 'unsupported', 'policy')] },
  'command:progress': {
    minimal: ofCommand,
    refused: [badAttempt, [{ progress: 2 }, 'payload.progress: expected number to be less or equal to 1']],
  },
  'command:result': {
    minimal: { ...ofCommand, status: 'succeeded' },
    refused: [badAttempt, badChoice('status', 'succeeded', 'failed', 'cancelled')],
  },
  'session:start': session,
  'session:activity': session,
  'session:typing': session,
  'session:end': session,
  'message:start': { minimal: message, refused: [badId('messageId')] },
  'message:delta': { minimal: { ...message, delta: '' }, refused: [badId('sessionId')] },
  'message:end': { minimal: message, refused: [badId('taskId')] },
  'tool:start': { minimal: { ...toolCall, name: '' }, refused: [badId('toolCallId')] },
  'tool:args': { minimal: { ...toolCall, delta: '' }, refused: [badId('commandId')] },
  'tool:end': { minimal: toolCall, refused: [[{ error: [] }, 'payload.error: expected string or object']] },
  'state:snapshot': { minimal: { sessionId: 's', snapshot: null }, refused: [badId('sessionId')] },
  'state:patch': {
    minimal: { sessionId: 's', patch: [] },
    refused: [
      [{ patch: [{ path: '/a' }] }, 'payload.patch.0.op: is required'],
      [
        { patch: [{ op: 'set', path: '/a' }] },
        'payload.patch.0.op: expected one of "add", "remove", "replace", "move", "copy", "test"',
      ],
    ],
  },
  'task:create': task,
  'task:start': task,
  'task:update': task,
  'task:progress': task,
  'task:pause': task,
  'task:complete': task,
  'task:fail': task,
  'task:cancel': task,
  'interaction:request': {
    minimal: { interactionId: 'i', kind: 'permission', title: '', options: [] },
    refused: [
      badChoice('kind', 'permission', 'question', 'form'),
      badChoice('risk', 'low', 'medium', 'high', 'unknown'),
      badChoice('defaultOnTimeout', 'deny', 'cancel', 'allow'),
      [{ options: [{ id: 'y', effect: 'allow' }] }, 'payload.options.0.label: is required'],
      [
        { options: Array(33).fill({ id: 'y', label: '', effect: 'allow' }) },
        'payload.options: expected array length to be less or equal to 32',
      ],
      [{ subject: { type: 'diff' } }, 'payload.subject.preview: is required'],
    ],
  },
  'interaction:resolved': { minimal: { interactionId: 'i' }, refused: [badId('optionId')] },
  'interaction:applied': { minimal: { interactionId: 'i' }, refused: [badId('interactionId')] },
  'terminal:output': {
    minimal: { terminalId: 't', offset: 0, data: '', encoding: 'base64' },
    refused: [
      [{ offset: -1 }, 'payload.offset: expected integer to be greater or equal to 0'],
      badChoice('encoding', 'utf8', 'base64'),
    ],
  },
  'terminal:resize': {
    minimal: { terminalId: 't', ...size },
    refused: [[{ rows: 0 }, 'payload.rows: expected integer to be greater or equal to 1']],
  },
  'terminal:exit': { minimal: { terminalId: 't' }, refused: [badId('terminalId')] },
  'terminal:ack': { minimal: { terminalId: 't', offset: 0 }, refused: [badId('terminalId')] },
  'usage:report': {
    minimal: { source: '', mode: 'delta', requestId: 'r' },
    refused: [
      badChoice('mode', 'delta', 'cumulative'),
      [{ costUsd: -1 }, 'payload.costUsd: expected number to be greater or equal to 0'],
      [{ requestId: '' }, 'payload.requestId: expected string length greater or equal to 1'],
    ],
  },
}

export const agentServerSamples: Samples<AgentServerPayloads> = {
  'connection:established': {
    minimal: {
      ...{ agentId: 'a', connectionId: 'con_1', heartbeatMs: 10_000, ackedN: 0, directives: [], serverTime: 0 },
      limits: { maxFrameBytes: 1, frameRate: 1, frameBurst: 1 },
    },
    refused: [
      [
        { directives: [{ commandId: 'c', action: 'stop' }] },
        'payload.directives.0.action: expected one of "continue", "cancel", "forget", "resend"',
      ],
    ],
  },
  'command:dispatch': {
    minimal: { ...ofCommand, kind: 'shell', input: null, runTimeoutMs: 0 },
    refused: [badAttempt, badId('taskId')],
  },
  'command:interrupt': { minimal: { ...ofCommand, force: false }, refused: [badId('commandId')] },
  'interaction:answer': { minimal: { interactionId: 'i' }, refused: [badId('optionId')] },
  'terminal:input': { minimal: { terminalId: 't', data: '', inputSeq: 0 }, refused: [badId('terminalId')] },
  'terminal:resize': { minimal: { terminalId: 't', ...size }, refused: [] },
  'terminal:ack': { minimal: { terminalId: 't', offset: 0 }, refused: [badId('terminalId')] },
  'terminal:resend': { minimal: { terminalId: 't', from: 0 }, refused: [] },
  'report:ack': {
    minimal: { n: 0 },
    refused: [[{ n: -1 }, 'payload.n: expected integer to be greater or equal to 0']],
  },
  heartbeat: { minimal: { cancel: [] }, refused: [] },
  error: serverSamples.error,
  'connection:closing': serverSamples['connection:closing'],
}
