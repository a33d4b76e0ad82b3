import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  BulkRespondBody,
  BulkRespondResult,
  Interaction,
  InteractionPage,
  InteractionParams,
  interactionStates,
  ListInteractionsQuery,
  RespondBody,
  wireError,
} from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { canSeeAgent } from '../../../src/auth/permissions.ts'
import { notFound } from '../../../src/outcome.ts'
import { callerOf } from '../../caller.ts'

const tags = ['interactions']
const isState = (name: string): name is Interaction['state'] => (interactionStates as readonly string[]).includes(name)

/** Questions that agents ask people. */
const interactionRoutes: FastifyPluginAsyncTypebox = async app => {
  const { interactions, agents } = app

  app.get(
    '/interactions',
    {
      schema: {
        tags,
        summary: 'List interactions',
        description: 'Sorted by id, descending. `state=open` selects those that wait for an answer.',
        querystring: ListInteractionsQuery,
        response: { 200: InteractionPage },
      },
    },
    async ({ principal, query: { state, agentId, limit = 50, cursor } }, reply) => {
      const names = state?.split(',')
      const unknown = names?.find(name => !isState(name))
      if (unknown !== undefined) {
        const allowed = interactionStates.join(', ')
        return reply.refuse(wireError('invalid_request', `state: "${unknown}" is not one of ${allowed}.`))
      }
      const visible = () => [...agents.all()].map(agent => agent.agentId).filter(id => canSeeAgent(principal, id))
      const own = agentId === undefined || canSeeAgent(principal, agentId) ? agentId : []
      const of = own ?? (principal.agents.includes('*') ? undefined : visible())
      return interactions.list({
        limit,
        ...(of !== undefined && { agentId: of }),
        ...(names !== undefined && { state: names.filter(isState) }),
        ...(cursor !== undefined && { cursor }),
      })
    },
  )

  app.get(
    '/interactions/:interactionId',
    {
      schema: {
        tags,
        summary: 'Show an interaction',
        params: InteractionParams,
        refusals: ['not_found'],
        response: { 200: Interaction },
      },
    },
    async (request, reply) => {
      const { interactionId } = request.params
      const interaction = await interactions.get(interactionId, callerOf(request).canSee)
      return interaction ?? reply.refuse(notFound('interaction', interactionId))
    },
  )

  app.post(
    '/interactions/:interactionId/respond',
    {
      schema: {
        tags,
        summary: 'Answer an interaction',
        description:
          'The first answer wins; repeating it succeeds, a different one gets 409 with the winner. With `digest`, the answer counts ' +
          'only for the subject that was shown.',
        params: InteractionParams,
        body: RespondBody,
        refusals: ['not_found', 'conflict', 'stale'],
        response: { 200: Interaction },
      },
    },
    async (request, reply) => {
      const outcome = await interactions.respond(request.params.interactionId, request.body, callerOf(request))
      return outcome.status === 'refused' ? reply.refuse(outcome.error) : outcome.interaction
    },
  )

  app.post(
    '/interactions/respond',
    {
      schema: {
        tags,
        summary: 'Give many interactions the same answer',
        description: 'Each is handled separately; `results` has one entry for each.',
        body: BulkRespondBody,
        response: { 200: BulkRespondResult },
      },
    },
    async request => interactions.respondAll(request.body, callerOf(request)),
  )
}
export default fp(interactionRoutes, { name: 'fleetwire-routes-api-interactions', encapsulate: true })
