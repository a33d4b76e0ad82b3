import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  ListSessionsQuery,
  Session,
  SessionPage,
  SessionParams,
  sessionStatuses,
  TranscriptPage,
  TranscriptQuery,
  wireError,
} from '@fleetwire/protocol'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { canSeeAgent } from '../../../../src/auth/permissions.ts'
import { notFound } from '../../../../src/outcome.ts'
import { readTranscript } from '../../../../src/sessions/transcript.ts'

const tags = ['sessions']

const isStatus = (name: string): name is Session['status'] => (sessionStatuses as readonly string[]).includes(name)

/** Sessions and their messages. */
const sessionsRoutes: FastifyPluginAsyncTypebox = async app => {
  const { agents, eventLog, sessions } = app
  const find = ({ principal }: FastifyRequest, sessionId: string) =>
    sessions.get(sessionId, agentId => canSeeAgent(principal, agentId))

  /** The ids of the requested agents that the token may see; undefined for all. */
  function visible({ principal }: FastifyRequest, agentId: string | undefined): string[] | undefined {
    if (agentId !== undefined) return canSeeAgent(principal, agentId) ? [agentId] : []
    if (principal.agents.includes('*')) return undefined
    return [...agents.all()].map(agent => agent.agentId).filter(id => canSeeAgent(principal, id))
  }

  app.get(
    '/sessions',
    {
      schema: {
        tags,
        summary: 'List sessions, by id, descending',
        querystring: ListSessionsQuery,
        response: { 200: SessionPage },
      },
    },
    async (request, reply) => {
      const { status, agentId, limit = 50, cursor } = request.query
      const names = status?.split(',') ?? []
      const unknown = names.find(name => !isStatus(name))
      if (unknown !== undefined)
        return reply.refuse(
          wireError('invalid_request', `status: "${unknown}" is not one of ${sessionStatuses.join(', ')}.`),
        )
      const of = visible(request, agentId)
      if (of?.length === 0) return { items: [], nextCursor: null }
      return sessions.list({
        limit,
        ...(of !== undefined && { agentId: of }),
        ...(status !== undefined && { status: names.filter(isStatus) }),
        ...(cursor !== undefined && { cursor }),
      })
    },
  )

  app.get(
    '/sessions/:sessionId',
    {
      schema: {
        tags,
        summary: 'Show a session',
        params: SessionParams,
        refusals: ['not_found'],
        response: { 200: Session },
      },
    },
    async (request, reply) =>
      (await find(request, request.params.sessionId)) ?? reply.refuse(notFound('session', request.params.sessionId)),
  )

  app.get(
    '/sessions/:sessionId/messages',
    {
      schema: {
        tags,
        summary: 'Show the transcript: messages and tool calls, oldest first, each complete or as far as it has got',
        params: SessionParams,
        querystring: TranscriptQuery,
        refusals: ['not_found', 'cursor_gone'],
        response: { 200: TranscriptPage },
      },
    },
    async (request, reply) => {
      const session = await find(request, request.params.sessionId)
      if (session === undefined) return reply.refuse(notFound('session', request.params.sessionId))
      const { limit = 50, cursor } = request.query
      const transcript = await readTranscript(eventLog, session, { limit, cursor })
      if (transcript.status === 'gone')
        return reply.refuse(wireError('cursor_gone', 'The cursor left retention: start without one.'))
      const { items, nextCursor } = transcript
      return { items, nextCursor }
    },
  )
}
export default fp(sessionsRoutes, { name: 'fleetwire-routes-api-sessions', encapsulate: true })
