import type { Agent, AgentPayloads, Command, EventPayloads } from '@fleetwire/protocol'

/** What an agent last reported about its own work. It holds until the set of its running commands changes. */
export interface ReportedWork {
  work: Agent['work']
  detail: string
  evidence: Agent['evidence']
}

/**
 * The work of an agent, inferred from its commands alone. `isSilent`: nothing was heard of a command for too long.
 * `asks`: the agent waits for an answer outside any command.
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
      return { work: 'stalled', detail: `No report about ${command.commandId} is arriving.`, evidence: 'guessed' }
    } else work = 'working'
  }
  return { work, detail: work === 'waiting' ? detail : '', evidence: 'inferred' }
}

/** The summary of the link and the work. An agent whose link is late is not offline yet. */
export function summarise(link: Agent['link'], work: Agent['work']): Agent['status'] {
  if (link === 'offline') return 'offline'
  return work === 'error' ? 'error' : 'online'
}

/** The facts from which a record is derived, besides the agent's hello. */
export interface AgentFacts {
  /** Its commands that were dispatched and have not ended. */
  commands: readonly Command[]
  openInteractions: number
  reported: ReportedWork | undefined
  isSilent: (command: Command) => boolean
}

/** Derives the record from its own link and the facts. */
export function derived(record: Agent, { commands, openInteractions, reported, isSilent }: AgentFacts): Agent {
  const running = runningOf(commands)
  // An agent that is not online keeps its last known work, the best information there is.
  const isKnown = record.link === 'online' || reported !== undefined
  const work = isKnown ? (reported ?? inferWork(commands, isSilent, openInteractions > 0)) : {}
  const next = { ...record, ...work, running, openInteractions }
  return { ...next, status: summarise(next.link, next.work) }
}

/** Sorted ids of the running commands. */
export const runningOf = (commands: readonly Command[]): string[] =>
  commands
    .filter(({ status }) => status === 'running')
    .map(({ commandId }) => commandId)
    .sort()

/** Falls back to the id for a name without a letter, digit or symbol, which would leave nothing to read or click. */
const readableName = (name: string, agentId: string): string => (/[\p{L}\p{N}\p{P}\p{S}]/u.test(name) ? name : agentId)

/** The record of an agent after its hello. Fields that the hello leaves out keep the values of the last record. */
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

/** The lifecycle events that a hello implies: a boot that ended without a goodbye has crashed. */
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

/** The lifecycle event that a goodbye implies. A restarting agent counts as stopped until its next hello. */
export function lifecycleOnExit(bootId: string, { reason, ...how }: AgentPayloads['agent:exit']): Lifecycle {
  return { lifecycle: reason === 'crashed' ? 'crashed' : 'stopped', bootId, ...how }
}
