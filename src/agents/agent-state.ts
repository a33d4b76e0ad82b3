import type { Agent, AgentPayloads, Command, EventPayloads } from '@fleetwire/protocol'

/** What an agent last said about its own work. It holds until the set of its running commands changes. */
export interface ReportedWork {
  work: Agent['work']
  detail: string
  evidence: Agent['evidence']
}

/**
 * The work of an agent, inferred from its commands alone. `isSilent`: a command was not heard of for too long. `asks`:
 * the agent waits for an answer outside of commands.
 */
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

/** The summary of the link and the work. An agent whose link is late is not offline yet. */
export function summarise(link: Agent['link'], work: Agent['work']): Agent['status'] {
  if (link === 'offline') return 'offline'
  return work === 'error' ? 'error' : 'online'
}

/** What a record is derived from, beside what the agent said in its hello. */
export interface AgentFacts {
  /** Its commands that have been dispatched and not ended. */
  commands: readonly Command[]
  openInteractions: number
  reported: ReportedWork | undefined
  isSilent: (command: Command) => boolean
}

/** The record as it follows from the link in it and from the facts. */
export function derived(record: Agent, { commands, openInteractions, reported, isSilent }: AgentFacts): Agent {
  const running = runningOf(commands)
  // What an agent was doing when it was last heard is still the best that is known of it.
  const isKnown = record.link === 'online' || reported !== undefined
  const work = isKnown ? (reported ?? inferWork(commands, isSilent, openInteractions > 0)) : {}
  const next = { ...record, ...work, running, openInteractions }
  return { ...next, status: summarise(next.link, next.work) }
}

/** Ids of those that run, in order. */
export const runningOf = (commands: readonly Command[]): string[] =>
  commands
    .filter(({ status }) => status === 'running')
    .map(({ commandId }) => commandId)
    .sort()

/** A name without a letter, digit or sign leaves nothing to read or to press: the id stands for it. */
const readableName = (name: string, agentId: string): string => (/[\p{L}\p{N}\p{P}\p{S}]/u.test(name) ? name : agentId)

/** The record of an agent after its hello. What the hello leaves out keeps the value of the last record. */
export function greeted(
  agentId: string,
  hello: AgentPayloads['agent:connect'],
  last: Agent | undefined,
  now: number,
): Agent {
  const work: ReportedWork = { work: 'idle', detail: '', evidence: 'inferred' }
  return {
    agentId,
    name: readableName(hello.name ?? last?.name ?? agentId, agentId),
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

/** The last known boot of an agent, and how far its numbered frames are stored. */
export interface UplinkRecord {
  bootId: string
  /** The last `n` up to which everything is stored. */
  n: number
  exited?: 'stopped' | 'restarting' | 'crashed'
}

export const uplinkTopic = (agentId: string): string => `$uplink.${agentId}`

type Lifecycle = Omit<EventPayloads['agent:lifecycle'], 'agentId'>

/** What a hello says about the agent's life: a boot that ended without a goodbye has crashed. */
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

/** What a goodbye says: an agent that restarts will say hello again. */
export function lifecycleOnExit(bootId: string, { reason, ...how }: AgentPayloads['agent:exit']): Lifecycle {
  return { lifecycle: reason === 'crashed' ? 'crashed' : 'stopped', bootId, ...how }
}
