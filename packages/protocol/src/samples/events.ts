import type { EventPayloads } from '../events.ts'
import type { Agent, Command, Interaction, Session, Task } from '../records.ts'
import { badChoice, badId, type Sample, type Samples } from './sample.ts'

const agent: Sample<Agent> = {
  minimal: {
    ...{ agentId: 'a', name: 'a', kind: 'agent', version: '', labels: {}, capabilities: {}, maxConcurrency: 1 },
    ...{ status: 'online', link: 'online', work: 'idle', detail: '', evidence: 'inferred' },
    ...{ lastSeenAt: 0, connectedAt: 0, running: [], openInteractions: 0 },
  },
  refused: [badChoice('link', 'online', 'late', 'offline'), badChoice('status', 'online', 'offline', 'error')],
}
const command: Sample<Command> = {
  minimal: {
    ...{ commandId: 'c', agentId: 'a', kind: 'shell', input: null, status: 'queued', attempt: 0, priority: 0 },
    ...{ whenBusy: 'enqueue', createdBy: 'ada', createdAt: 0, queueTtlMs: 0, runTimeoutMs: 0, onLost: 'fail' },
  },
  refused: [
    badChoice('phase', 'working', 'waiting_input', 'cancelling', 'disconnected'),
    [{ waitedMs: -1 }, 'payload.waitedMs: expected integer to be greater or equal to 0'],
    [{ lateResult: { status: 'succeeded', at: 0 } }, 'payload.lateResult.attempt: is required'],
  ],
}
const session: Sample<Session> = {
  minimal: {
    ...{ sessionId: 's', agentId: 'a', title: '', status: 'active', startedAt: 0 },
    ...{ lastActivityAt: 0, lastMessage: '', typing: false },
  },
  refused: [badChoice('status', 'active', 'ended')],
}
const task: Sample<Task> = {
  minimal: {
    ...{ taskId: 't', title: '', description: '', status: 'pending', labels: {}, progress: 0, confidence: 0 },
    ...{ message: '', createdAt: 0, updatedAt: 0 },
  },
  refused: [badChoice('status', 'pending', 'running', 'paused', 'completed', 'failed', 'cancelled')],
}
const interaction: Sample<Interaction> = {
  minimal: {
    ...{ interactionId: 'i', agentId: 'a', kind: 'question', title: '', description: '', risk: 'low' },
    ...{ options: [], defaultOnTimeout: 'deny', state: 'open' },
  },
  refused: [
    badChoice('state', 'open', 'resolved', 'expired', 'cancelled'),
    [{ resolution: { by: 'ada', via: 'ws' } }, 'payload.resolution.at: is required'],
  ],
}
const inSession = { agentId: 'a', sessionId: 's' }
const message = { ...inSession, messageId: 'm' }
const toolCall = { ...inSession, toolCallId: 't' }
const connection = { connectionId: 'con_1', role: 'viewer', sub: 'ada', at: 0 }

export const eventSamples: Samples<EventPayloads> = {
  'agent:status': agent,
  'agent:lifecycle': {
    minimal: { agentId: 'a', lifecycle: 'started' },
    refused: [badChoice('lifecycle', 'started', 'stopped', 'restarted', 'crashed')],
  },
  'agent:metrics': { minimal: { agentId: 'a' }, refused: [[{ cpu: true }, 'payload.cpu: expected number or string']] },
  'agent:summary': {
    minimal: { agentId: 'a', queued: 0, openInteractions: 0 },
    refused: [[{ queued: -1 }, 'payload.queued: expected integer to be greater or equal to 0']],
  },
  'agent:error': { minimal: { agentId: 'a', message: '' }, refused: [] },
  'agent:removed': { minimal: { agentId: 'a' }, refused: [badId('agentId')] },
  'command:queued': command,
  'command:dispatched': command,
  'command:running': command,
  'command:progress': command,
  'command:cancelling': command,
  'command:succeeded': command,
  'command:failed': command,
  'command:cancelled': command,
  'command:timed_out': command,
  'command:expired': command,
  'command:rejected': command,
  'command:lost': command,
  'session:started': session,
  'session:activity': session,
  'session:typing': session,
  'session:ended': session,
  'message:start': { minimal: { ...message, role: 'user' }, refused: [] },
  'message:delta': { minimal: { ...message, delta: '' }, refused: [] },
  'message:end': { minimal: message, refused: [] },
  'tool:start': { minimal: { ...toolCall, name: '' }, refused: [] },
  'tool:args': { minimal: { ...toolCall, delta: '' }, refused: [] },
  'tool:end': { minimal: toolCall, refused: [] },
  'state:snapshot': { minimal: { ...inSession, snapshot: null }, refused: [] },
  'state:patch': { minimal: { ...inSession, patch: [] }, refused: [] },
  'task:created': task,
  'task:started': task,
  'task:updated': task,
  'task:progress': task,
  'task:paused': task,
  'task:completed': task,
  'task:failed': task,
  'task:cancelled': task,
  'task:deleted': { minimal: { taskId: 't' }, refused: [badId('taskId')] },
  'interaction:requested': interaction,
  'interaction:resolved': interaction,
  'interaction:expired': interaction,
  'interaction:cancelled': interaction,
  'usage:reported': { minimal: { agentId: 'a', source: '', mode: 'delta', requestId: 'r' }, refused: [] },
  'connection:opened': { minimal: connection, refused: [] },
  'connection:closed': { minimal: { ...connection, code: 1000 }, refused: [] },
  'audit:recorded': { minimal: { by: '', action: '', what: '', via: 'rest', at: 0 }, refused: [] },
  'notification:created': { minimal: { title: '' }, refused: [] },
}
