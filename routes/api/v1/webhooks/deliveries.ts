import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  ListDeliveriesQuery,
  WebhookDelivery,
  WebhookDeliveryPage,
  WebhookDeliveryParams,
  WebhookParams,
} from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { managerOf } from './manager.ts'

const tags = ['webhooks']

/** What was sent to receivers, and how they responded. */
const deliveryRoutes: FastifyPluginAsyncTypebox = async app => {
  const { webhooks } = app

  app.get(
    '/:webhookId/deliveries',
    {
      schema: {
        tags,
        summary: 'List deliveries of a webhook, newest first',
        description: 'The last 1,000 deliveries of the webhook, for 30 days.',
        params: WebhookParams,
        querystring: ListDeliveriesQuery,
        refusals: ['not_found'],
        response: { 200: WebhookDeliveryPage },
      },
    },
    async ({ principal, params, query: { limit = 50, ...query } }, reply) => {
      const outcome = await webhooks.deliveries(params.webhookId, { limit, ...query }, principal)
      return outcome.status === 'refused' ? reply.refuse(outcome.error) : outcome.page
    },
  )

  app.post(
    '/:webhookId/test',
    {
      schema: {
        tags,
        summary: 'Send a test to a webhook',
        description: 'One attempt, now; the response has its result. Works for a disabled webhook too.',
        params: WebhookParams,
        refusals: ['not_found', 'conflict'],
        response: { 200: WebhookDelivery },
      },
    },
    async (request, reply) => {
      const outcome = await webhooks.test(request.params.webhookId, managerOf(request))
      return outcome.status === 'refused' ? reply.refuse(outcome.error) : outcome.delivery
    },
  )

  app.post(
    '/:webhookId/deliveries/:deliveryId/redeliver',
    {
      schema: {
        tags,
        summary: 'Send an event to a webhook again',
        description:
          'One attempt, now, with the same `webhook-id`, in addition to pending deliveries; the response has its result. 410 if the ' +
          'event has left the log.',
        params: WebhookDeliveryParams,
        refusals: ['not_found', 'conflict', 'cursor_gone', 'forbidden'],
        response: { 200: WebhookDelivery },
      },
    },
    async (request, reply) => {
      const { webhookId, deliveryId } = request.params
      const outcome = await webhooks.redeliver(webhookId, deliveryId, managerOf(request))
      return outcome.status === 'refused' ? reply.refuse(outcome.error) : outcome.delivery
    },
  )
}

export default fp(deliveryRoutes, { name: 'fleetwire-routes-api-webhooks-deliveries', encapsulate: true })
