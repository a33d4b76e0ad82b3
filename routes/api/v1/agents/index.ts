import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  Agent,
  AgentPage,
  AgentParams,
  AgentUsage,
  DisconnectResult,
  ListAgentsQuery,
  wireError,
} from '@fleetwire/protocol'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { canSeeAgent } from '../../../../src/auth/permissions.ts'
import { notFound } from '../../../../src/outcome.ts'
import { callerOf } from '../../../caller.ts'

const tags = ['agents']
const statuses = ['online', 'offline', 'error']

/** The registry of agents. */
const agentsRoutes: FastifyPluginAsyncTypebox = async app => {
  const { agents } = app
  const find = (request: FastifyRequest, agentId: string) =>
    canSeeAgent(request.principal, agentId) ? agents.get(agentId) : undefined

  app.get(
    '/agents',
    {
      schema: {
        tags,
        summary: 'List agents, by id',
        querystring: ListAgentsQuery,
        response: { 200: AgentPage },
      },
    },
    async (request, reply) => {
      const { status, limit = 50, cursor = '' } = request.query
      const wanted = status?.split(',')
      const unknown = wanted?.find(name => !statuses.includes(name))
      if (unknown !== undefined)
        return reply.refuse(wireError('invalid_request', `status: "${unknown}" is not one of ${statuses.join(', ')}.`))
      const items: Agent[] = []
      for (const agent of agents.sorted(cursor)) {
        if (!canSeeAgent(request.principal, agent.agentId) || wanted?.includes(agent.status) === false) continue
        if (items.length === limit) return { items, nextCursor: items[limit - 1]!.agentId }
        items.push(agent)
      }
      return { items, nextCursor: null }
    },
  )

  app.get(
    '/agents/:agentId',
    {
      schema: {
        tags,
        summary: 'Show an agent',
        params: AgentParams,
        refusals: ['not_found'],
        response: { 200: Agent },
      },
    },
    async (request, reply) =>
      find(request, request.params.agentId) ?? reply.refuse(notFound('agent', request.params.agentId)),
  )

  app.get(
    '/agents/:agentId/usage',
    {
      schema: {
        tags,
        summary: 'Show the usage of an agent',
        description: 'Tokens and money as the agent reported them; each request is counted once.',
        params: AgentParams,
        refusals: ['not_found'],
        response: { 200: AgentUsage },
      },
    },
    async (request, reply) => {
      const { agentId } = request.params
      if (find(request, agentId) === undefined) return reply.refuse(notFound('agent', agentId))
      return agents.usage(agentId)
    },
  )

  app.delete(
    '/agents/:agentId',
    {
      schema: {
        tags,
        summary: 'Forget an agent that is not connected',
        description: 'Its queued commands end as cancelled, its running ones as lost.',
        params: AgentParams,
        refusals: ['not_found', 'conflict'],
        response: { 204: { type: 'null' } },
      },
    },
    async (request, reply) => {
      const { agentId } = request.params
      const agent = find(request, agentId)
      if (agent === undefined) return reply.refuse(notFound('agent', agentId))
      const refusal = await app.fleet.removeAgent(agentId, callerOf(request).actor)
      return refusal === undefined ? reply.code(204).send(null) : reply.refuse(refusal)
    },
  )

  app.post(
    '/agents/:agentId/disconnect',
    {
      schema: {
        tags,
        summary: 'Close an agent’s socket',
        description: 'It may connect again; revoke its token to keep it out.',
        params: AgentParams,
        refusals: ['not_found'],
        response: { 200: DisconnectResult },
      },
    },
    async (request, reply) => {
      const { agentId } = request.params
      if (find(request, agentId) === undefined) return reply.refuse(notFound('agent', agentId))
      const affected = agents.kick(agentId, `Disconnected by ${request.principal.sub}.`)
      if (affected) await app.audit(callerOf(request).actor, 'agent:disconnect', agentId)
      return { affected }
    },
  )
}

export default fp(agentsRoutes, { name: 'fleetwire-routes-api-agents', encapsulate: true })
