import type { Agent, AgentSummary, Command, Interaction, Session, Task, WireEvent } from '@fleetwire/protocol'

/** One record of a snapshot. */
export interface FixtureRecord {
  topic: string
  type: string
  payload: unknown
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const now = Date.now()

const agent = (agentId: string, fields: Partial<Agent> = {}): Agent => ({
  ...{ agentId, name: agentId, kind: 'exec', version: '0.1.0', labels: { team: 'web', env: 'prod' } },
  ...{ capabilities: { kinds: ['shell', 'prompt'] }, maxConcurrency: 1, status: 'online', link: 'online' },
  ...{ work: 'idle', detail: '', evidence: 'reported', lastSeenAt: now - 2000, connectedAt: now - 3 * HOUR },
  ...{ running: [], openInteractions: 0, ...fields },
})

const working = (agentId: string, fields: Partial<Agent> = {}): Agent =>
  agent(agentId, { work: 'working', running: [`cmd_${agentId}`], ...fields })

export const agents: readonly Agent[] = [
  working('build-7', { openInteractions: 1, work: 'waiting' }),
  working('review-2', { openInteractions: 1, work: 'waiting' }),
  agent('deploy-eu'),
  agent('crawl-3', { link: 'offline', status: 'offline', lastSeenAt: now - 22 * MINUTE }),
  working('summariser'),
  working('build-1', { labels: { team: 'build' } }),
  working('migrate-1', { labels: { team: 'data' } }),
  working('fuzz-4', { work: 'stalled', detail: 'no sign of life for 6 minutes', evidence: 'inferred' }),
  working('triage', { link: 'late', lastSeenAt: now - 40_000 }),
  agent('i18n', { work: 'starting', connectedAt: now - 3000 }),
  agent('local', { labels: {} }),
  agent('a-very-long-name-that-no-card-can-show-whole-of-an-agent', { labels: { team: 'web' } }),
  agent('mac-mini', { link: 'offline', status: 'offline', lastSeenAt: now - 2 * HOUR }),
]

const last = (title: string, status: Command['status'], endedAgo: number): NonNullable<AgentSummary['last']> => ({
  ...{ commandId: `cmd_last_${title.slice(0, 3)}`, kind: 'shell', title, status, endedAt: now - endedAgo },
})
const summary = (agentId: string, fields: Partial<AgentSummary>): AgentSummary => ({
  ...{ agentId, queued: 0, openInteractions: 0, ...fields },
})
const current = (agentId: string, title: string, startedAgo: number, progress?: number) => ({
  current: {
    ...{ commandId: `cmd_${agentId}`, kind: 'shell', title, startedAt: now - startedAgo },
    ...(progress !== undefined && { progress }),
  },
})
const usage = (costUsd: number) => ({ usage: { inputTokens: 120_400, outputTokens: 8_200, costUsd } })

export const summaries: readonly AgentSummary[] = [
  summary('build-7', {
    ...current('build-7', 'rm -rf build && make release', 12 * MINUTE),
    ...{ lastLine: 'Delete the build folder?', queued: 2, openInteractions: 1, ...usage(0.84) },
  }),
  summary('review-2', {
    ...current('review-2', 'Review PR 1182', 3 * MINUTE),
    ...{ lastLine: 'Which base branch should I compare with?', openInteractions: 1, ...usage(0.31) },
  }),
  summary('deploy-eu', {
    ...{ last: last('terraform apply', 'failed', 6 * MINUTE), queued: 1 },
    ...{ lastLine: 'Error: lock held by ci-114', ...usage(0.02) },
  }),
  summary('crawl-3', { last: last('Crawl docs site', 'lost', 22 * MINUTE), queued: 4, ...usage(1.2) }),
  summary('summariser', {
    ...current('summariser', 'Summarise ticket 4411', 42_000, 0.35),
    ...{ lastLine: 'The customer reports that exports fail since Monday, when the nightly job moved', ...usage(0.12) },
  }),
  summary('build-1', {
    ...current('build-1', 'npm test --workspaces', 188_000, 0.7),
    ...{ queued: 1, lastLine: 'ok 214 - test/race/cancel-vs-result.test.ts', ...usage(0.4) },
  }),
  summary('migrate-1', { ...current('migrate-1', 'Move orders to v2', 860_000, 0.3), lastLine: 'batch 118 of 400' }),
  summary('fuzz-4', { ...current('fuzz-4', 'cargo fuzz run decode', 4_364_000), lastLine: '#1048576 cov: 4121' }),
  summary('triage', { ...current('triage', 'Label new issues', 391_000), lastLine: '#5120 → area/terminal' }),
  summary('local', { last: last('uname -a', 'succeeded', 3 * MINUTE), lastLine: 'Linux 6.18 x86_64' }),
  summary('mac-mini', { last: last('nightly backup', 'succeeded', 2 * HOUR), queued: 1, lastLine: 'done in 41 s' }),
]

const command = (commandId: string, agentId: string, fields: Partial<Command>): Command => ({
  ...{ commandId, agentId, kind: 'shell', input: 'make', status: 'queued', attempt: 0, priority: 0 },
  ...{ whenBusy: 'enqueue', createdBy: 'ann', createdAt: now - 10 * MINUTE, queueTtlMs: 24 * HOUR, runTimeoutMs: 0 },
  ...{ onLost: 'fail', ...fields },
})
const ran = (startedAgo: number, endedAgo?: number): Partial<Command> => ({
  ...{ attempt: 1, createdAt: now - startedAgo - 40, dispatchedAt: now - startedAgo - 20, startedAt: now - startedAgo },
  ...(endedAgo !== undefined && { endedAt: now - endedAgo }),
})

export const commands: readonly Command[] = [
  command('cmd_build-7', 'build-7', {
    input: 'rm -rf build && make release',
    status: 'running',
    phase: 'waiting_input',
    ...ran(12 * MINUTE),
  }),
  command('cmd_build-1', 'build-1', {
    input: 'npm test --workspaces',
    status: 'running',
    phase: 'working',
    ...ran(188_000),
    progress: { progress: 0.7, confidence: 0.9, message: '214 of 306' },
  }),
  command('cmd_next3', 'build-1', { input: 'npm run bench', createdAt: now - 2 * MINUTE }),
  command('cmd_next1', 'build-7', { input: 'npm publish --dry-run' }),
  command('cmd_next2', 'build-7', { input: 'git push --tags', createdAt: now - 5 * MINUTE }),
  command('cmd_summariser', 'summariser', {
    kind: 'prompt',
    input: 'Summarise ticket 4411',
    status: 'running',
    phase: 'working',
    sessionId: 'ses_1',
    ...ran(42_000),
    progress: { progress: 0.35, confidence: 0.8, message: 'Reading the comments' },
  }),
  command('cmd_last_ter', 'deploy-eu', {
    input: 'terraform apply',
    status: 'failed',
    exitCode: 1,
    error: 'Error: lock held by ci-114',
    reason: 'reported',
    output: 'Acquiring state lock. This may take a few moments...\nError: lock held by ci-114',
    ...ran(8 * MINUTE, 6 * MINUTE),
  }),
  command('cmd_last_Cra', 'crawl-3', {
    kind: 'prompt',
    input: 'Crawl docs site',
    status: 'lost',
    reason: 'lease_expired',
    ...ran(63 * MINUTE, 22 * MINUTE),
  }),
  command('cmd_unconfirmed', 'mac-mini', {
    input: 'rsync -a /data backup:',
    status: 'cancelled',
    confirmed: false,
    reason: 'interrupted',
    cancelRequestedAt: now - 3 * HOUR + 20_000,
    ...ran(3 * HOUR, 3 * HOUR - 60_000),
  }),
  command('cmd_done', 'local', {
    input: 'uname -a',
    status: 'succeeded',
    exitCode: 0,
    output: 'Linux 6.18 x86_64',
    ...ran(3 * MINUTE + 900, 3 * MINUTE),
  }),
  command('cmd_expired', 'mac-mini', {
    input: 'brew upgrade',
    status: 'expired',
    reason: 'queue_ttl',
    endedAt: now - HOUR,
    createdAt: now - 25 * HOUR,
  }),
]

const interaction = (interactionId: string, agentId: string, fields: Partial<Interaction>): Interaction => ({
  ...{ interactionId, agentId, kind: 'permission', title: 'Run npm install?', description: '', risk: 'low' },
  ...{ options: [], defaultOnTimeout: 'deny', state: 'open', createdAt: now - 4 * MINUTE, ...fields },
})
const allowOrDeny: Interaction['options'] = [
  { id: 'yes', label: 'Allow', effect: 'allow' },
  { id: 'always', label: 'Always allow', effect: 'allow', scope: 'always' },
  { id: 'no', label: 'Deny', effect: 'deny' },
]

export const interactions: readonly Interaction[] = [
  interaction('int_delete', 'build-7', {
    ...{ commandId: 'cmd_build-7', title: 'Delete the build folder?', risk: 'high', expiresAt: now + 9 * MINUTE },
    description: 'It contains 214 files of the last release. They can be rebuilt in about four minutes.',
    subject: { type: 'command', preview: 'rm -rf build && make release', digest: 'sha256:9f2c' },
    options: [
      { id: 'yes', label: 'Delete it', effect: 'allow' },
      { id: 'no', label: 'Keep it', effect: 'deny' },
    ],
  }),
  interaction('int_branch', 'review-2', {
    ...{ kind: 'question', title: 'Which base branch should I compare with?', createdAt: now - MINUTE },
    options: [
      { id: 'main', label: 'main', effect: 'allow' },
      { id: 'next', label: 'next', effect: 'allow' },
    ],
  }),
  interaction('int_form', 'migrate-1', {
    ...{ kind: 'form', title: 'Where should I deploy?', risk: 'medium' },
    options: [{ id: 'no', label: 'Not now', effect: 'deny' }],
    schema: {
      type: 'object',
      required: ['region'],
      properties: {
        region: { title: 'Region', enum: ['eu', 'us'] },
        replicas: { type: 'integer', title: 'Replicas', minimum: 1, maximum: 9, default: 2 },
        drain: { type: 'boolean', title: 'Drain first' },
      },
    },
  }),
  ...['triage', 'local', 'i18n'].map((id, index) =>
    interaction(`int_npm${index}`, id, { subject: { type: 'command', preview: 'npm install' }, options: allowOrDeny }),
  ),
]

const task = (taskId: string, title: string, fields: Partial<Task> = {}): Task => ({
  ...{ taskId, title, description: '', status: 'running', agentId: 'migrate-1', labels: {}, progress: 0 },
  ...{ confidence: 0, message: '', createdAt: now - 15 * MINUTE, updatedAt: now - 4000, startedAt: now - 14 * MINUTE },
  ...fields,
})

export const tasks: readonly Task[] = [
  task('task_move', 'Move orders to v2', {
    ...{ progress: 0.3, confidence: 0.62, message: 'batch 118 of 400' },
    description: 'Copies every order into the new tables, then switches readers over.',
  }),
  task('task_copy', 'Copy rows', {
    parentTaskId: 'task_move',
    progress: 0.8,
    message: '3.2 M of 4 M',
    createdAt: now - 14 * MINUTE,
  }),
  task('task_check', 'Check totals', { parentTaskId: 'task_move', status: 'pending', createdAt: now - 13 * MINUTE }),
  task('task_docs', 'Rewrite the quickstart', {
    agentId: 'summariser',
    status: 'completed',
    progress: 1,
    endedAt: now - HOUR,
    createdAt: now - 2 * HOUR,
  }),
  task('task_crawl', 'Crawl the docs site', {
    agentId: 'crawl-3',
    status: 'failed',
    progress: 0.4,
    error: 'The agent was away too long.',
    createdAt: now - 3 * HOUR,
  }),
]

export const sessions: readonly Session[] = [
  {
    ...{ sessionId: 'ses_1', agentId: 'summariser', title: 'Ticket 4411', status: 'active', startedAt: now - 42_000 },
    ...{ lastActivityAt: now - 1000, lastMessage: 'The customer reports', typing: true },
  },
]

const ANSWER = `## What happened

Exports fail **since Monday**. The nightly job moved from 02:00 to 04:00, and the lock that it takes now covers the hour in
which customers export.

| day | exports | failed |
| --- | ---: | ---: |
| Sunday | 1,204 | 3 |
| Monday | 1,198 | 611 |

\`\`\`ts
const lock = await locks.take('orders', { forMs: 3_600_000 })
\`\`\`

The lock can be`

/** The open message of a conversation: a late joiner gets it with the text so far. */
const conversation: readonly FixtureRecord[] = [
  {
    ...{ topic: 'agents.summariser.sessions.ses_1.messages', type: 'message:start' },
    payload: { sessionId: 'ses_1', messageId: 'msg_1', role: 'assistant', text: ANSWER, commandId: 'cmd_summariser' },
  },
]

export const records: readonly FixtureRecord[] = [
  ...agents.map(payload => ({ topic: `agents.${payload.agentId}.status`, type: 'agent:status', payload })),
  ...summaries.map(payload => ({ topic: `agents.${payload.agentId}.summary`, type: 'agent:summary', payload })),
  ...commands.map(payload => ({
    ...{ topic: `agents.${payload.agentId}.commands.${payload.commandId}`, type: `command:${payload.status}`, payload },
  })),
  ...interactions.map(payload => ({
    ...{
      topic: `agents.${payload.agentId}.interactions.${payload.interactionId}`,
      type: 'interaction:requested',
      payload,
    },
  })),
  ...tasks.map(payload => ({ topic: `tasks.${payload.taskId}.status`, type: 'task:updated', payload })),
  ...sessions.map(payload => ({
    ...{ topic: `agents.${payload.agentId}.sessions.${payload.sessionId}.status`, type: 'session:activity', payload },
  })),
  ...conversation,
]

/** The events of an agent: the life of each of its commands, and its requests. */
export function eventsOf(agentId: string | undefined): WireEvent[] {
  const happened: { type: string; at: number | undefined; payload: object }[] = [
    ...commands
      .filter(command => command.agentId === agentId)
      .flatMap(command => [
        {
          type: 'command:queued',
          at: command.createdAt,
          payload: { ...command, status: 'queued', attempt: 0, reason: undefined },
        },
        {
          type: 'command:running',
          at: command.startedAt,
          payload: { ...command, status: 'running', phase: 'working', reason: undefined },
        },
        { type: `command:${command.status}`, at: command.endedAt, payload: command },
      ]),
    ...interactions
      .filter(one => one.agentId === agentId)
      .map(one => ({ type: 'interaction:requested', at: one.createdAt, payload: one })),
  ]
  return happened
    .filter(({ at }) => at !== undefined)
    .toSorted((a, b) => b.at! - a.at!)
    .map((event, nth) => ({ ...event, topic: `agents.${agentId}.commands.x`, cursor: `e${999 - nth}` }) as WireEvent)
}

const ESC = '\x1b['
const line = (nth: number, name: string, took: string): string =>
  `${ESC}32mok${ESC}0m ${nth} - test/${name}.test.ts ${ESC}90m${took}${ESC}0m`
export const SCREEN = [
  `${ESC}1m$ npm test --workspaces${ESC}0m`,
  '',
  line(203, 'contract/commands', '1.9 s'),
  line(204, 'contract/interactions', '1.1 s'),
  line(205, 'contract/sessions', '640 ms'),
  line(207, 'contract/terminals', '2.4 s'),
  line(208, 'race/backpressure', '3.0 s'),
  line(209, 'race/late-joiner', '880 ms'),
  line(210, 'race/lease', '1.3 s'),
  line(212, 'race/resume', '1.2 s'),
  line(213, 'race/uplink', '840 ms'),
  `${ESC}31mnot ok${ESC}0m 214 - test/race/cancel-vs-result.test.ts`,
  `  ${ESC}31m- cancelled${ESC}0m`,
  `  ${ESC}32m+ succeeded${ESC}0m`,
  `  ${ESC}90mat test/race/cancel-vs-result.test.ts:41:9${ESC}0m`,
  line(215, 'race/two-answers', '410 ms'),
  `${ESC}33m216${ESC}0m test/race/whole-fleet.test.ts …`,
].join('\r\n')
