import type { Agent, AgentPayloads, Command, EventPayloads } from '@fleetwire/protocol'

/** What an agent last said of its own work; it stands until the set of its running commands changes. */
export interface ReportedWork {
  work: Agent['work']
  detail: string
  evidence: Agent['evidence']
}

/** What an agent is doing, judged by its commands alone. `isSilent`: nothing was heard of one for too long. `asks`: it waits for an answer outside of them. */
export function inferWork(
  commands: Iterable<Command>,
  isSilent: (command: Command) => boolean,
  asks = false,
): ReportedWork {
  let work: Agent['work'] = asks ? 'waiting' : 'idle'
  let detail = ''
  for (const command of commands) {
    if (command.status !== 'running') continue
    if (command.phase === 'waiting_input') {
      if (work !== 'working') work = 'waiting'
      detail ||= command.detail ?? ''
    } else if (isSilent(command)) {
      return { work: 'stalled', detail: `Nothing is heard of ${command.commandId}.`, evidence: 'guessed' }
    } else work = 'working'
  }
  return { work, detail: work === 'waiting' ? detail : '', evidence: 'inferred' }
}

/** The summary of the three facts. A late link is not yet an offline agent. */
export function summarise(link: Agent['link'], work: Agent['work']): Agent['status'] {
  if (link === 'offline') return 'offline'
  return work === 'error' ? 'error' : 'online'
}

/** The record of an agent that says hello; what it leaves out keeps the value of its last record. */
export function greeted(
  agentId: string,
  hello: AgentPayloads['agent:connect'],
  last: Agent | undefined,
  now: number,
): Agent {
  const work: ReportedWork = { work: 'idle', detail: '', evidence: 'inferred' }
  return {
    agentId,
    name: hello.name ?? last?.name ?? agentId,
    kind: hello.kind ?? last?.kind ?? 'agent',
    version: hello.version ?? last?.version ?? '',
    labels: hello.labels ?? last?.labels ?? {},
    capabilities: hello.capabilities ?? last?.capabilities ?? {},
    maxConcurrency: hello.maxConcurrency ?? last?.maxConcurrency ?? 1,
    ...work,
    status: 'online',
    link: 'online',
    lastSeenAt: now,
    connectedAt: now,
    running: last?.running ?? [],
    openInteractions: last?.openInteractions ?? 0,
  }
}

/** The last boot of an agent that the server knows, and how far its numbered frames are stored. */
export interface UplinkRecord {
  bootId: string
  /** The last contiguous `n` that is stored. */
  n: number
  exited?: 'stopped' | 'restarting' | 'crashed'
}

export const uplinkTopic = (agentId: string): string => `$uplink.${agentId}`

type Lifecycle = Omit<EventPayloads['agent:lifecycle'], 'agentId'>

/** What the hello of a boot tells of the agent's life: a boot that ended without a word has crashed. */
export function lifecycleOnConnect(bootId: string, last: UplinkRecord | undefined): Lifecycle[] {
  if (last === undefined) return [{ lifecycle: 'started', bootId }]
  if (last.bootId === bootId) return []
  if (last.exited === undefined)
    return [
      { lifecycle: 'crashed', bootId: last.bootId },
      { lifecycle: 'restarted', bootId },
    ]
  return [{ lifecycle: last.exited === 'stopped' ? 'started' : 'restarted', bootId }]
}

/** What the last words of an agent tell: one that restarts will say hello again. */
export function lifecycleOnExit(bootId: string, { reason, ...how }: AgentPayloads['agent:exit']): Lifecycle {
  return { lifecycle: reason === 'crashed' ? 'crashed' : 'stopped', bootId, ...how }
}
