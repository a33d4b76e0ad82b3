import type { Agent, Command, Interaction, Session } from '@fleetwire/protocol'
import { type Static, Type } from '@sinclair/typebox'
import { type Fleet, inPath, type Page } from '../fleet.ts'
import { tool } from '../tool.ts'
import {
  AgentView,
  agentLine,
  briefOfCommand,
  CommandView,
  commandLine,
  linesOr,
  RequestView,
  requestText,
  SessionView,
  sessionLine,
  viewOfAgent,
  viewOfSession,
  viewsOfRequests,
} from '../views.ts'
import { AgentId, Cursor, closed, Limit, more, NextCursor } from './arguments.ts'

/** How many of the newest commands and sessions `get_agent` shows. */
const NEWEST = 5
/** Maximum number of pages, of 500 agents each, that `fleet_summary` counts. */
const MAX_PAGES = 20
/** Maximum number of agents that the summary lists under attention. */
const MAX_NAMED = 20

const listAgents = tool({
  name: 'list_agents',
  title: 'List agents',
  description:
    'The agents of the fleet that this connection may see, by id: whether they are online, what they are doing, and which kinds of commands they accept.',
  input: Type.Object(
    {
      status: Type.Optional(
        Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('error')], {
          description: 'Only agents with this status',
        }),
      ),
      limit: Limit,
      cursor: Cursor,
    },
    closed,
  ),
  output: Type.Object({ agents: Type.Array(AgentView), nextCursor: NextCursor }),
  effect: 'reads',
  run: async ({ status, limit = 50, cursor }, { fleet, signal }) => {
    const page = await fleet.get<Page<Agent>>('/agents', { status, limit, cursor }, { signal })
    const agents = page.items.map(viewOfAgent)
    const lines = [linesOr(agents.map(agentLine), 'There are no such agents.'), ...more(page.nextCursor)]
    return { text: lines.join('\n'), data: { agents, nextCursor: page.nextCursor } }
  },
})

const Details = Type.Object({
  agent: AgentView,
  labels: Type.Record(Type.String(), Type.String()),
  commands: Type.Array(CommandView, { description: `The newest ${NEWEST}, without their output` }),
  openRequests: Type.Array(RequestView),
  sessions: Type.Array(SessionView, { description: `The newest ${NEWEST}` }),
})

/** The details of one agent; also the content of its resource. */
export async function agentDetails(
  fleet: Fleet,
  agentId: string,
  signal: AbortSignal,
): Promise<Static<typeof Details>> {
  const agent = await fleet.get<Agent>(`/agents/${inPath(agentId)}`, {}, { signal })
  const [commands, requests, sessions] = await Promise.all([
    fleet.get<Page<Command>>('/commands', { agentId, limit: NEWEST }, { signal }),
    fleet.get<Page<Interaction>>('/interactions', { agentId, state: 'open', limit: 50 }, { signal }),
    fleet.get<Page<Session>>('/sessions', { agentId, limit: NEWEST }, { signal }),
  ])
  return {
    agent: viewOfAgent(agent),
    labels: agent.labels,
    commands: commands.items.map(briefOfCommand),
    openRequests: viewsOfRequests(requests.items),
    sessions: sessions.items.map(viewOfSession),
  }
}

const getAgent = tool({
  name: 'get_agent',
  title: 'Show an agent',
  description: 'One agent with its newest commands and sessions, and the requests that wait for an answer.',
  input: Type.Object({ agentId: AgentId }, closed),
  output: Details,
  effect: 'reads',
  run: async ({ agentId }, { fleet, signal }) => {
    const data = await agentDetails(fleet, agentId, signal)
    const part = (title: string, lines: string[]) => (lines.length === 0 ? [] : [`${title}:`, ...lines])
    const lines = [
      agentLine(data.agent),
      ...part('newest commands', data.commands.map(commandLine)),
      ...part('open requests', data.openRequests.map(requestText)),
      ...part('newest sessions', data.sessions.map(sessionLine)),
    ]
    return { text: lines.join('\n'), data }
  },
})

const Counts = Type.Record(Type.String(), Type.Integer())

const fleetSummary = tool({
  name: 'fleet_summary',
  title: 'Summarise the fleet',
  description:
    'How many agents are online, working, waiting or gone, what is running and queued, and which agents need attention. A good first call.',
  input: Type.Object({}, closed),
  output: Type.Object({
    agents: Type.Integer(),
    byStatus: Counts,
    byWork: Counts,
    runningCommands: Type.Integer(),
    openRequests: Type.Integer(),
    queuedCommands: Type.Integer(),
    queuedIsMore: Type.Boolean({ description: 'There are more queued commands than this' }),
    attention: Type.Array(AgentView, {
      description: 'Agents that are waiting, stalled or failed, or have open requests',
    }),
    isPartial: Type.Boolean({ description: 'There are more agents than this' }),
  }),
  effect: 'reads',
  run: async (_args, { fleet, signal }) => {
    const agents: Agent[] = []
    let cursor: string | null | undefined
    for (let i = 0; i < MAX_PAGES && cursor !== null; i++) {
      const page: Page<Agent> = await fleet.get('/agents', { limit: 500, cursor }, { signal })
      agents.push(...page.items)
      cursor = page.nextCursor
    }
    const queued = await fleet.get<Page<Command>>('/commands', { status: 'queued', limit: 500 }, { signal })
    const wanting = agents.filter(
      ({ status, work, openInteractions }) =>
        openInteractions > 0 ||
        status === 'error' ||
        (status === 'online' && ['waiting', 'stalled', 'error'].includes(work)),
    )
    const sum = (of: (agent: Agent) => number) => agents.reduce((total, agent) => total + of(agent), 0)
    const data = {
      agents: agents.length,
      byStatus: countBy(agents, agent => agent.status),
      byWork: countBy(
        agents.filter(agent => agent.status !== 'offline'),
        agent => agent.work,
      ),
      runningCommands: sum(agent => agent.running.length),
      openRequests: sum(agent => agent.openInteractions),
      queuedCommands: queued.items.length,
      queuedIsMore: queued.nextCursor !== null,
      attention: wanting.slice(0, MAX_NAMED).map(viewOfAgent),
      isPartial: cursor !== null,
    }
    const lines = [
      `agents: ${data.agents}${data.isPartial ? ' and more' : ''} (${inWords(data.byStatus)})`,
      `connected: ${inWords(data.byWork)}`,
      `commands: ${data.runningCommands} running, ${data.queuedCommands}${data.queuedIsMore ? ' and more' : ''} queued`,
      `open requests: ${data.openRequests}`,
      ...(wanting.length === 0 ? [] : ['need attention:', ...data.attention.map(agentLine)]),
      ...(wanting.length > MAX_NAMED ? [`and ${wanting.length - MAX_NAMED} more`] : []),
    ]
    return { text: lines.join('\n'), data }
  },
})

function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1
  return counts
}

const inWords = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ') || 'none'

export const agentTools = [fleetSummary, listAgents, getAgent]
