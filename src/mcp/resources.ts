import type { Agent, Interaction, Session } from '@fleetwire/protocol'
import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server'
import { explain } from './explain.ts'
import { type Fleet, inPath, type Page, Refusal } from './fleet.ts'
import { limits } from './limits.ts'
import { agentUri, parseUri, REQUESTS_URI, type Resource, sessionUri } from './resource-uri.ts'
import { agentDetails } from './tools/agents.ts'
import { placeOfNewest, transcriptPage } from './transcript-page.ts'
import { viewOfSession, viewsOfRequests } from './views.ts'

const JSON_TYPE = 'application/json'
/** How many of the newest messages and tool calls a session resource shows. */
const NEWEST_ITEMS = 50
const MAX_COMPLETIONS = 100

/** Agents, their sessions and the open requests, as resources. */
export function addResources(server: McpServer, fleet: Fleet): void {
  type Context = { mcpReq: { signal: AbortSignal } }
  const read = (uri: URL, { mcpReq: { signal } }: Context) => resourceContents(fleet, uri.href, signal)
  const readOne = (uri: URL, _variables: unknown, context: Context) => read(uri, context)

  server.registerResource(
    'requests',
    REQUESTS_URI,
    { title: 'Open requests', description: 'What agents ask and nobody has answered yet', mimeType: JSON_TYPE },
    read,
  )
  server.registerResource(
    'agent',
    new ResourceTemplate('fleetwire://agents/{agentId}', {
      list: async ({ mcpReq: { signal } }) => {
        const { items } = await inProtocol(fleet.get<Page<Agent>>('/agents', { limit: limits.listed }, { signal }))
        const resources = items.map(({ agentId, name, status, work }) => ({
          uri: agentUri(agentId),
          name: agentId,
          title: name === '' ? agentId : name,
          description: `Agent, ${status}, ${work}`,
          mimeType: JSON_TYPE,
        }))
        return { resources }
      },
      complete: { agentId: value => agentIds(fleet, value) },
    }),
    { title: 'Agent', description: 'An agent, its newest commands, its open requests', mimeType: JSON_TYPE },
    readOne,
  )
  server.registerResource(
    'session',
    new ResourceTemplate('fleetwire://agents/{agentId}/sessions/{sessionId}', {
      list: async ({ mcpReq: { signal } }) => {
        const query = { status: 'active', limit: limits.listed }
        const { items } = await inProtocol(fleet.get<Page<Session>>('/sessions', query, { signal }))
        const resources = items.map(({ agentId, sessionId, title }) => ({
          uri: sessionUri(agentId, sessionId),
          name: sessionId,
          title: title === '' ? sessionId : title,
          description: `Session of ${agentId}`,
          mimeType: JSON_TYPE,
        }))
        return { resources }
      },
      complete: {
        agentId: value => agentIds(fleet, value),
        sessionId: (value, context) => sessionIds(fleet, value, context?.arguments?.agentId),
      },
    }),
    { title: 'Session', description: 'A session and its newest messages', mimeType: JSON_TYPE },
    readOne,
  )
}

/** The contents of a resource. Throws the protocol's errors. */
export async function resourceContents(fleet: Fleet, uri: string, signal: AbortSignal): Promise<ReadResourceResult> {
  const resource = parseUri(uri)
  if (resource === undefined) throw new ResourceNotFoundError(uri)
  const content = await inProtocol(contentOf(fleet, resource, signal), uri)
  return { contents: [{ uri, mimeType: JSON_TYPE, text: JSON.stringify(content, undefined, 1) }] }
}

async function contentOf(fleet: Fleet, resource: Resource, signal: AbortSignal): Promise<object> {
  switch (resource.of) {
    case 'requests': {
      const page = await fleet.get<Page<Interaction>>('/interactions', { state: 'open', limit: 200 }, { signal })
      return { requests: viewsOfRequests(page.items), isPartial: page.nextCursor !== null }
    }
    case 'agent':
      return agentDetails(fleet, resource.agentId, signal)
    case 'session': {
      const { agentId, sessionId } = resource
      const session = await sessionOf(fleet, resource, signal)
      const cursor = await placeOfNewest(fleet, { agentId, sessionId }, NEWEST_ITEMS, signal)
      const chars = limits.textChars
      const transcript = await transcriptPage(fleet, { sessionId, limit: NEWEST_ITEMS, chars, cursor }, signal)
      return { session: viewOfSession(session), ...transcript }
    }
  }
}

/** The session, if it belongs to that agent. */
async function sessionOf(
  fleet: Fleet,
  { agentId, sessionId }: { agentId: string; sessionId: string },
  signal: AbortSignal,
): Promise<Session> {
  const session = await fleet.get<Session>(`/sessions/${inPath(sessionId)}`, {}, { signal })
  if (session.agentId === agentId) return session
  throw new Refusal({ code: 'not_found', message: `Agent "${agentId}" has no session "${sessionId}".` })
}

/** Throws unless the resource exists and the token may read it. */
export async function checkResource(fleet: Fleet, uri: string, signal: AbortSignal): Promise<Resource> {
  const resource = parseUri(uri)
  if (resource === undefined) throw new ResourceNotFoundError(uri)
  if (resource.of === 'agent') await inProtocol(fleet.get(`/agents/${inPath(resource.agentId)}`, {}, { signal }), uri)
  if (resource.of === 'session') await inProtocol(sessionOf(fleet, resource, signal), uri)
  return resource
}

/** Converts refusals to errors of the protocol. */
async function inProtocol<T>(call: Promise<T>, uri?: string): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (error instanceof Refusal && error.code === 'not_found' && uri !== undefined)
      throw new ResourceNotFoundError(uri, error.message)
    throw new ProtocolError(ProtocolErrorCode.InternalError, explain(error))
  }
}

async function agentIds(fleet: Fleet, prefix: string): Promise<string[]> {
  const { items } = await inProtocol(fleet.get<Page<Agent>>('/agents', { limit: 500 }))
  return startingWith(
    items.map(agent => agent.agentId),
    prefix,
  )
}

async function sessionIds(fleet: Fleet, prefix: string, agentId: string | undefined): Promise<string[]> {
  const { items } = await inProtocol(fleet.get<Page<Session>>('/sessions', { agentId, limit: 500 }))
  return startingWith(
    items.map(session => session.sessionId),
    prefix,
  )
}

const startingWith = (ids: readonly string[], prefix: string): string[] =>
  ids.filter(id => id.startsWith(prefix)).slice(0, MAX_COMPLETIONS)
