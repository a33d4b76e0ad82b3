import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Batch, BatchAccepted, BatchBody, BatchParams, IdempotencyHeaders } from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { notFound } from '../../../../src/outcome.ts'
import { callerOf } from '../../../caller.ts'

const tags = ['commands']

/** One command sent to many agents. */
const batchRoutes: FastifyPluginAsyncTypebox = async app => {
  const { batches } = app

  app.post(
    '/commands',
    {
      config: { takesIdempotencyKey: true },
      schema: {
        tags,
        summary: 'Submit one command to many agents',
        description:
          'All accepted commands are stored in one step; agents that cannot accept it are listed in `refused`. With ' +
          '`maxParallel`, at most that many are in progress at once; after `stopOnFailures` failures the rest are cancelled.',
        headers: IdempotencyHeaders,
        body: BatchBody,
        refusals: ['not_found', 'conflict'],
        response: { 200: BatchAccepted, 202: BatchAccepted },
      },
    },
    async (request, reply) => {
      const idempotencyKey = request.headers['idempotency-key']
      const result = await batches.submit(request.body, {
        ...callerOf(request),
        createdBy: request.principal.sub,
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      })
      if (result.status === 'refused') return reply.refuse(result.error)
      const { status, ...batch } = result
      if (status === 'replayed') return reply.header('Idempotent-Replay', 'true').code(200).send(batch)
      return reply
        .header('Location', app.publicPath(reply.request, `${app.prefix}/batches/${batch.parentId}`))
        .code(202)
        .send(batch)
    },
  )

  app.get(
    '/batches/:parentId',
    {
      schema: {
        tags,
        summary: 'Show the progress of a batch',
        params: BatchParams,
        refusals: ['not_found'],
        response: { 200: Batch },
      },
    },
    async (request, reply) => {
      const { parentId } = request.params
      const batch = await batches.get(parentId, callerOf(request).canSee)
      return batch ?? reply.refuse(notFound('batch', parentId))
    },
  )

  app.post(
    '/batches/:parentId/stop',
    {
      schema: {
        tags,
        summary: 'Cancel the commands of a batch that have not ended',
        description: 'Idempotent. Running commands are interrupted and shown as cancelled once their agents confirm.',
        params: BatchParams,
        refusals: ['not_found'],
        response: { 200: Batch },
      },
    },
    async (request, reply) => {
      const stopped = await batches.stop(request.params.parentId, {
        ...callerOf(request),
        by: request.principal.sub,
      })
      return stopped.status === 'refused' ? reply.refuse(stopped.error) : stopped
    },
  )
}
export default fp(batchRoutes, { name: 'fleetwire-routes-api-commands-batches', encapsulate: true })
