import type { ClientPayloads, ServerPayloads } from '../frames/client.ts'
import { badChoice, badId, type Samples } from './sample.ts'

const size = { cols: 80, rows: 24 }
const badSize = [
  [{ cols: 0 }, 'payload.cols: expected integer to be greater or equal to 1'],
  [{ rows: 1001 }, 'payload.rows: expected integer to be less or equal to 1000'],
] as const
const mode = badChoice('mode', 'bytes', 'snapshot')
const patterns = [
  [{ topics: [''] }, 'payload.topics.0: expected string length greater or equal to 1'],
  [{ topics: ['a', 5] }, 'payload.topics.1: expected string'],
] as const

export const clientSamples: Samples<ClientPayloads> = {
  'dashboard:connect': {
    minimal: {},
    refused: [
      [{ resume: {} }, 'payload.resume.cursor: is required'],
      [{ resume: { cursor: '' } }, 'payload.resume.cursor: expected string length greater or equal to 1'],
      [{ client: { version: '1' } }, 'payload.client.name: is required'],
      [{ subscribe: ['x'.repeat(513)] }, 'payload.subscribe.0: expected string length less or equal to 512'],
    ],
  },
  subscribe: { minimal: { topics: [] }, refused: patterns },
  unsubscribe: { minimal: { topics: [] }, refused: patterns },
  'command:request': {
    minimal: { agentId: 'a', kind: 'shell', input: null },
    refused: [
      badId('agentId'),
      badId('sessionId'),
      [{ kind: 'Shell' }, 'payload.kind: expected a slug from the agent’s capabilities.kinds; built in: shell, prompt'],
      [{ priority: 101 }, 'payload.priority: expected integer to be less or equal to 100'],
      [{ priority: 0.5 }, 'payload.priority: expected integer'],
      [{ queueTtlMs: -1 }, 'payload.queueTtlMs: expected integer to be greater or equal to 0'],
      [{ idempotencyKey: '' }, 'payload.idempotencyKey: expected string length greater or equal to 1'],
      badChoice('whenBusy', 'enqueue', 'interrupt', 'reject'),
      badChoice('onLost', 'fail', 'requeue'),
    ],
  },
  'command:interrupt': {
    minimal: { commandId: 'c' },
    refused: [
      badId('commandId'),
      [{ reason: 'x'.repeat(1025) }, 'payload.reason: expected string length less or equal to 1024'],
    ],
  },
  'interaction:respond': {
    minimal: { interactionId: 'i' },
    refused: [badId('interactionId'), badId('optionId'), [{ answers: [] }, 'payload.answers: expected object']],
  },
  'terminal:open': { minimal: { agentId: 'a' }, refused: [badId('terminalId'), mode] },
  'terminal:close': { minimal: { agentId: 'a' }, refused: [badId('agentId'), mode] },
  'terminal:input': {
    minimal: { agentId: 'a', data: '', inputSeq: 0 },
    refused: [[{ inputSeq: -1 }, 'payload.inputSeq: expected integer to be greater or equal to 0']],
  },
  'terminal:resize': { minimal: { agentId: 'a', ...size }, refused: badSize },
  'terminal:ack': {
    minimal: { agentId: 'a', offset: 0 },
    refused: [[{ offset: 2 ** 53 }, 'payload.offset: expected integer to be less or equal to 9007199254740991']],
  },
  'auth:refresh': {
    minimal: { token: 't' },
    refused: [[{ token: '' }, 'payload.token: expected string length greater or equal to 1']],
  },
  heartbeat: { minimal: {}, refused: [] },
  ping: { minimal: {}, refused: [] },
}

const limits = { maxFrameBytes: 1, frameRate: 1, frameBurst: 1, maxPatterns: 1, outboxLimitBytes: 1 }
const inTerminal = { agentId: 'a', terminalId: 't' }

export const serverSamples: Samples<ServerPayloads> = {
  'connection:established': {
    minimal: {
      ...{ connectionId: 'con_1', userId: 'ada', role: 'viewer', cursor: 'c', resumed: false },
      ...{ heartbeatMs: 30_000, serverTime: 0, limits },
    },
    refused: [[{ limits: { ...limits, frameRate: '1' } }, 'payload.limits.frameRate: expected integer']],
  },
  reply: {
    minimal: { ok: true },
    refused: [
      [{ ok: false }, 'payload.error: is required'],
      [{ ok: 1 }, 'payload.ok: expected one of true, false'],
    ],
  },
  snapshot: {
    minimal: { topics: [], records: [], cursor: 'c' },
    refused: [[{ records: [{ topic: 't', type: 'x' }, {}] }, 'payload.records.0.payload: is required']],
  },
  'resume:done': { minimal: { cursor: 'c' }, refused: [] },
  'resync:required': { minimal: { topics: [], reason: 'expired' }, refused: [] },
  'terminal:snapshot': {
    minimal: { ...inTerminal, cols: 80, rows: 24, offset: 0, screen: '', title: '' },
    refused: [[{ gap: { from: 0 } }, 'payload.gap.to: is required']],
  },
  'terminal:output': {
    minimal: { ...inTerminal, offset: 0, data: '', encoding: 'utf8' },
    refused: [badChoice('encoding', 'utf8', 'base64')],
  },
  'terminal:resize': { minimal: { ...inTerminal, ...size }, refused: badSize },
  'terminal:ack': { minimal: { ...inTerminal, offset: 0 }, refused: [badId('terminalId')] },
  'terminal:exit': { minimal: inTerminal, refused: [badId('terminalId')] },
  heartbeat: { minimal: { timestamp: 0 }, refused: [] },
  pong: { minimal: { timestamp: 0 }, refused: [] },
  'connection:closing': {
    minimal: { code: 1012, reason: 'restarting' },
    refused: [[{ reconnectAfterMs: 0.5 }, 'payload.reconnectAfterMs: expected integer']],
  },
  error: { minimal: { code: 'internal', message: '', retryable: true }, refused: [] },
}
