import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  CreatedWebhook,
  CreateWebhookBody,
  EditWebhookBody,
  ListWebhooksQuery,
  RotatedSecret,
  RotateSecretBody,
  Webhook,
  WebhookPage,
  WebhookParams,
} from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { managerOf } from './manager.ts'

const tags = ['webhooks']

/** Webhooks: which events go to which URL. Only the responses to a creation and a rotation contain a secret. */
const webhookRoutes: FastifyPluginAsyncTypebox = async app => {
  const { webhooks } = app

  app.post(
    '',
    {
      schema: {
        tags,
        summary: 'Create a webhook',
        description:
          'It receives the events from now on that the caller may see. The response has the secret that signs ' +
          'its deliveries; it is not shown again.',
        body: CreateWebhookBody,
        refusals: ['too_large'],
        response: { 201: CreatedWebhook },
      },
    },
    async (request, reply) => {
      const outcome = await webhooks.create(request.body, managerOf(request))
      if (outcome.status === 'refused') return reply.refuse(outcome.error)
      return reply.code(201).send({ ...outcome.webhook, secret: outcome.secret })
    },
  )

  app.get(
    '',
    {
      schema: {
        tags,
        summary: 'List webhooks, newest first',
        description: 'Only webhooks whose rights the caller has too; a page may have fewer than `limit`.',
        querystring: ListWebhooksQuery,
        response: { 200: WebhookPage },
      },
    },
    async ({ principal, query: { limit = 50, cursor } }) =>
      webhooks.list({ limit, ...(cursor !== undefined && { cursor }) }, principal),
  )

  app.get(
    '/:webhookId',
    {
      schema: {
        tags,
        summary: 'Show a webhook and its progress',
        params: WebhookParams,
        refusals: ['not_found'],
        response: { 200: Webhook },
      },
    },
    async ({ principal, params }, reply) => {
      const outcome = await webhooks.get(params.webhookId, principal)
      return outcome.status === 'refused' ? reply.refuse(outcome.error) : outcome.webhook
    },
  )

  app.patch(
    '/:webhookId',
    {
      schema: {
        tags,
        summary: 'Change, disable or enable a webhook',
        description:
          'Omitted fields stay as they are. Pending events are sent with the new settings, at once; an enabled webhook continues ' +
          'where it stopped, unless `skipWaiting` is true.',
        params: WebhookParams,
        body: EditWebhookBody,
        refusals: ['not_found'],
        response: { 200: Webhook },
      },
    },
    async (request, reply) => {
      const outcome = await webhooks.edit(request.params.webhookId, request.body, managerOf(request))
      return outcome.status === 'refused' ? reply.refuse(outcome.error) : outcome.webhook
    },
  )

  app.delete(
    '/:webhookId',
    {
      schema: {
        tags,
        summary: 'Remove a webhook; pending events are not sent',
        params: WebhookParams,
        refusals: ['not_found'],
        response: { 204: { type: 'null', description: 'Removed' } },
      },
    },
    async (request, reply) => {
      const refusal = await webhooks.remove(request.params.webhookId, managerOf(request))
      return refusal === undefined ? reply.code(204).send(null) : reply.refuse(refusal)
    },
  )

  app.post(
    '/:webhookId/rotate-secret',
    {
      schema: {
        tags,
        summary: 'Replace the secret of a webhook',
        description: 'The previous secret also signs for a while, so that the receiver can switch in the meantime.',
        params: WebhookParams,
        body: RotateSecretBody,
        refusals: ['not_found'],
        response: { 200: RotatedSecret },
      },
    },
    async (request, reply) => {
      const outcome = await webhooks.rotate(request.params.webhookId, request.body ?? {}, managerOf(request))
      if (outcome.status === 'refused') return reply.refuse(outcome.error)
      return { secret: outcome.secret, previousSecretExpiresAt: outcome.previousSecretExpiresAt }
    },
  )
}

export default fp(webhookRoutes, { name: 'fleetwire-routes-api-webhooks', encapsulate: true })
