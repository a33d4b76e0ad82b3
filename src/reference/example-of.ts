import { topics } from '@fleetwire/protocol'
import type { TSchema } from '@sinclair/typebox'

/** Field names mean the same everywhere, so one value for each makes all examples consistent. */
const named: Record<string, unknown> = {
  ackedN: 41,
  agentId: 'build-1',
  attempt: 1,
  bootId: 'boot_1',
  code: 1012,
  cols: 80,
  commandId: 'cmd_1',
  connectionId: 'con_1',
  createdBy: 'ann',
  cursor: '4fda8acfe5b82a7d.2s',
  data: 'hello\r\n',
  delta: 'Hel',
  digest: 'sha256-1',
  frameBurst: 200,
  frameRate: 100,
  heartbeatMs: 30_000,
  input: 'make test',
  interactionId: 'int_1',
  kind: 'shell',
  id: 'allow',
  label: 'Allow',
  maxFrameBytes: 262_144,
  maxPatterns: 64,
  message: 'It did not work.',
  messageId: 'msg_1',
  name: 'Build agent',
  offset: 8192,
  outboxLimitBytes: 4_194_304,
  path: '/step',
  queueTtlMs: 86_400_000,
  reason: 'restarting',
  requestId: 'req_1',
  role: 'operator',
  rows: 24,
  sessionId: 'ses_1',
  snapshot: { step: 1 },
  screen: 'hello\r\n',
  source: 'model',
  sub: 'ann',
  taskId: 'release-7',
  terminalId: 'main',
  title: 'Release 7',
  token: 'eyJhbGciOi...',
  topic: 'agents.build-1.status',
  toolCallId: 'tool_1',
  type: 'agent:status',
  userId: 'ann',
  userKey: 'ann',
}
/** Topics that match these values. */
export const exampleTopics: { [K in keyof typeof topics]: string } = {
  agentStatus: topics.agentStatus('build-1'),
  agentMetrics: topics.agentMetrics('build-1'),
  agentSummary: topics.agentSummary('build-1'),
  agentLog: topics.agentLog('build-1'),
  command: topics.command('build-1', 'cmd_1'),
  interaction: topics.interaction('build-1', 'int_1'),
  sessionStatus: topics.sessionStatus('build-1', 'ses_1'),
  sessionMessages: topics.sessionMessages('build-1', 'ses_1'),
  taskStatus: topics.taskStatus('release-7'),
  taskEvents: topics.taskEvents('release-7'),
  userInbox: topics.userInbox('ann'),
  connections: topics.connections,
  audit: topics.audit,
}
const TIME = 1_767_225_600_000
const isTime = (name: string) => name === 'at' || name === 'serverTime' || name.endsWith('At')

/** A value that the schema accepts, with the required fields and one item in each list. `name`: the field's name. */
export function exampleOf(schema: TSchema, name = ''): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.examples !== undefined) return schema.examples[0]
  if (schema.anyOf !== undefined) return exampleOf(schema.anyOf[0], name)
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        ((schema.required ?? []) as string[]).map(field => [field, exampleOf(schema.properties[field], field)]),
      )
    case 'array':
      return [exampleOf(schema.items, singular(name))]
    case 'integer':
    case 'number':
      return named[name] ?? (isTime(name) ? TIME : Math.max(schema.minimum ?? 0, 0))
    case 'boolean':
      return true
    case 'string':
      return named[name] ?? 'text'
    default:
      return named[name] ?? { any: 'JSON' }
  }
}

const singular = (name: string) => ({ topics: 'topic', running: 'commandId', cancel: 'commandId' })[name] ?? name
