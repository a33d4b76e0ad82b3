import type { Agent, Command, CommandStatus, Task } from '@fleetwire/protocol'

/** A fleet of agents with their commands and tasks: identical in every process that uses the same `now`. */
export interface FleetSize {
  agents: number
  commands: number
  tasks: number
  /** Epoch ms: everything was created in the hours before this. */
  now: number
}

const HOURS = 3_600_000
const SPAN_MS = 20 * HOURS

/** Commands per status, of a thousand. */
const COMMAND_MIX: readonly (readonly [CommandStatus, number])[] = [
  ['succeeded', 760],
  ['failed', 100],
  ['cancelled', 30],
  ['timed_out', 10],
  ['expired', 8],
  ['rejected', 6],
  ['lost', 6],
  ['queued', 40],
  ['dispatched', 4],
  ['running', 36],
]
const TASK_MIX: readonly (readonly [Task['status'], number])[] = [
  ['completed', 700],
  ['failed', 80],
  ['cancelled', 40],
  ['running', 80],
  ['paused', 20],
  ['pending', 80],
]

/** A hash that spreads neighbouring numbers over 0 to 2³² - 1. */
function scatter(n: number): number {
  let x = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

function pick<T>(mix: readonly (readonly [T, number])[], n: number): T {
  let left = scatter(n) % 1000
  for (const [value, share] of mix) {
    left -= share
    if (left < 0) return value
  }
  throw new Error('a mix has fewer than a thousand')
}

export const agentIdAt = (i: number): string => `agent-${String(i).padStart(5, '0')}`
const commandIdAt = (i: number): string => `cmd_${String(i).padStart(26, '0')}`
const taskIdAt = (i: number): string => `task_${String(i).padStart(26, '0')}`

/** Two of five agents are online; one of fifty is online and reports an error. */
export function agentAt(i: number, { now }: FleetSize): Agent {
  const isOnline = i % 5 < 2
  const isBroken = isOnline && i % 50 === 0
  return {
    agentId: agentIdAt(i),
    name: `Agent ${i}`,
    kind: 'coder',
    version: '2.4.1',
    labels: { team: `team-${i % 20}`, region: i % 3 === 0 ? 'eu' : 'us' },
    capabilities: { kinds: ['prompt', 'shell'] },
    maxConcurrency: 4,
    status: isBroken ? 'error' : isOnline ? 'online' : 'offline',
    link: isOnline ? 'online' : 'offline',
    work: isBroken ? 'error' : 'idle',
    detail: '',
    evidence: isBroken ? 'reported' : 'inferred',
    lastSeenAt: now - (isOnline ? 1000 : scatter(i) % SPAN_MS),
    connectedAt: now - SPAN_MS,
    running: [],
    openInteractions: 0,
  }
}

export function commandAt(i: number, { agents, commands, tasks, now }: FleetSize): Command {
  const status = pick(COMMAND_MIX, i)
  const isLive = status === 'dispatched' || status === 'running'
  const at = scatter(i + 1) % agents
  const createdAt = now - SPAN_MS + Math.floor((i / commands) * SPAN_MS)
  const wasSent = status !== 'queued' && status !== 'expired'
  const wasRun = wasSent && status !== 'dispatched' && status !== 'rejected'
  const hasEnded = !isLive && status !== 'queued'
  return {
    commandId: commandIdAt(i),
    agentId: agentIdAt(isLive ? at - (at % 5) : at),
    kind: 'prompt',
    input: `Summarise the open incidents of shift ${i} and propose what to do next, in three sentences.`,
    ...(i % 5 === 0 && { taskId: taskIdAt(scatter(i + 2) % tasks) }),
    status,
    ...(status === 'running' && { phase: 'working' }),
    attempt: wasSent ? 1 : 0,
    priority: 0,
    whenBusy: 'enqueue',
    createdBy: 'admin',
    createdAt,
    ...(wasSent && { dispatchedAt: createdAt + 20 }),
    ...(wasRun && { startedAt: createdAt + 40 }),
    ...(hasEnded && { endedAt: createdAt + 60_000 }),
    queueTtlMs: 24 * HOURS,
    runTimeoutMs: 0,
    onLost: 'fail',
    ...(status === 'succeeded' && { output: 'Three incidents are open; the second one needs a person today.' }),
    ...(status === 'failed' && { error: 'The tests of the third package do not pass.', exitCode: 1 }),
    ...(i % 10 === 0 && { parentId: `bat_${String(Math.floor(i / 1000)).padStart(26, '0')}` }),
  }
}

/** Every tenth task is the parent of the nine after it. */
export function taskAt(i: number, { agents, tasks, now }: FleetSize): Task {
  const status = pick(TASK_MIX, i)
  const createdAt = now - SPAN_MS + Math.floor((i / tasks) * SPAN_MS)
  const hasEnded = status === 'completed' || status === 'failed' || status === 'cancelled'
  return {
    taskId: taskIdAt(i),
    title: `Look into the incidents of shift ${i}`,
    description: 'Read what was reported, say what is the same, and propose what to do.',
    status,
    agentId: agentIdAt(scatter(i + 3) % agents),
    ...(i % 10 !== 0 && { parentTaskId: taskIdAt(i - (i % 10)) }),
    labels: { team: `team-${i % 20}` },
    progress: hasEnded ? 1 : 0.4,
    confidence: 0.8,
    message: 'Two of five were read.',
    createdAt,
    updatedAt: createdAt + 60_000,
    ...(status !== 'pending' && { startedAt: createdAt + 1000 }),
    ...(hasEnded && { endedAt: createdAt + 60_000 }),
  }
}
