import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Cursor, Id, Labels, Timestamp } from './common.ts'
import { OneOf } from './one-of.ts'
import { AgentIdPattern, PageQuery, Role } from './rest.ts'

const Closed = { additionalProperties: false }

export const webhookFormats = ['json', 'slack'] as const
export type WebhookFormat = (typeof webhookFormats)[number]

/** Messages to receivers that are not logged events but have the same shape. */
export const webhookNotices = ['webhook:test', 'webhook:gap'] as const
export type WebhookNotice = (typeof webhookNotices)[number]

const fields = {
  name: Type.String({ maxLength: 128, description: 'A display name; empty if it has none' }),
  url: Type.String({
    minLength: 1,
    maxLength: 2048,
    description: 'Where events are sent: https, unless the server allows http',
  }),
  topics: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
    minItems: 1,
    maxItems: 16,
    description: 'Topic patterns; an event that matches any of them is sent once',
  }),
  events: Type.Array(Type.String({ pattern: '^[A-Za-z0-9:._*-]{1,80}$' }), {
    maxItems: 64,
    description:
      'Event types to send; * matches any characters (`command:*`). Empty: all except the high-volume message:delta, tool:args and agent:metrics, which must be named',
  }),
  /** Only events of agents that have all these labels at the time of sending. Empty: events of any agent or none. */
  labels: Labels,
  format: OneOf(webhookFormats, 'Body: the event as JSON, or a message for Slack’s incoming webhooks'),
}
const Secret = Type.String({
  pattern: '^whsec_[A-Za-z0-9+/]{32,86}={0,2}$',
  description: 'whsec_ and 24 to 64 bytes in base64',
})

export const webhookStatuses = ['active', 'disabled'] as const
export const webhookEnds = ['requested', 'failing', 'gone', 'revoked'] as const
/** Why a webhook is disabled: on request, after a day of failures, after a 410, or because its token was revoked. */
export type WebhookEnd = (typeof webhookEnds)[number]

export const Webhook = Type.Object(
  {
    webhookId: Id,
    ...fields,
    status: OneOf(webhookStatuses),
    disabledReason: Type.Optional(
      OneOf(
        webhookEnds,
        'requested: on request; failing: deliveries failed for too long; gone: the receiver answered 410; revoked: its token was revoked',
      ),
    ),
    rights: Type.Object(
      {
        sub: Type.String(),
        role: Role,
        agents: Type.Array(AgentIdPattern),
        scopes: Type.Optional(Type.Array(Type.String())),
      },
      { description: 'The rights of its creator: it is sent only what they may see' },
    ),
    createdBy: Type.String(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    previousSecretExpiresAt: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Until then, deliveries are also signed with the secret from before the last rotation',
      }),
    ),
    progress: Type.Object(
      {
        cursor: Type.String({
          description: 'Everything before it was delivered or did not match; stored at least once per minute',
        }),
        deliveries: Type.Integer({ minimum: 0, description: 'Deliveries so far' }),
        attempts: Type.Integer({ minimum: 0, description: 'Failed attempts to deliver the next event' }),
        failingSince: Type.Optional(Timestamp),
        nextAttemptAt: Type.Optional(Timestamp),
        error: Type.Optional(Type.String({ description: 'The error of the last failed attempt' })),
        deliveredAt: Type.Optional(Timestamp),
      },
      { description: 'The progress of its deliveries' },
    ),
  },
  { $id: 'Webhook' },
)
export type Webhook = Static<typeof Webhook>

/** `POST /webhooks` */
export const CreateWebhookBody = Type.Object(
  {
    url: fields.url,
    topics: fields.topics,
    name: Type.Optional(fields.name),
    events: Type.Optional(fields.events),
    labels: Type.Optional(fields.labels),
    format: Type.Optional(fields.format),
    secret: Type.Optional(Secret),
  },
  { ...Closed, $id: 'CreateWebhook' },
)
export type CreateWebhookBody = Static<typeof CreateWebhookBody>

/** The only responses that contain a secret. */
export const CreatedWebhook = Type.Composite([
  Type.Object(Webhook.properties),
  Type.Object({ secret: Type.String({ description: 'Signs its deliveries. Shown only once' }) }),
])
export type CreatedWebhook = Static<typeof CreatedWebhook>

/** `PATCH /webhooks/:webhookId` */
export const EditWebhookBody = Type.Object(
  {
    url: Type.Optional(fields.url),
    topics: Type.Optional(fields.topics),
    name: Type.Optional(fields.name),
    events: Type.Optional(fields.events),
    labels: Type.Optional(fields.labels),
    format: Type.Optional(fields.format),
    enabled: Type.Optional(Type.Boolean({ description: 'false pauses deliveries, true resumes them' })),
    skipWaiting: Type.Optional(
      Type.Boolean({ description: 'true: drops pending deliveries and notifies the receiver (webhook:gap)' }),
    ),
  },
  { ...Closed, minProperties: 1, $id: 'EditWebhook' },
)
export type EditWebhookBody = Static<typeof EditWebhookBody>

/** `POST /webhooks/:webhookId/rotate-secret` */
export const RotateSecretBody = Type.Union([
  Type.Object(
    {
      secret: Type.Optional(Secret),
      keepPreviousMs: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 30 * 86_400_000,
          description: 'How long deliveries are also signed with the previous secret. Default: one day',
        }),
      ),
    },
    Closed,
  ),
  Type.Null(),
])
export const RotatedSecret = Type.Object({
  secret: Type.String({ description: 'Signs deliveries from now on. Shown only once' }),
  previousSecretExpiresAt: Timestamp,
})
export type RotatedSecret = Static<typeof RotatedSecret>

export const deliveryStatuses = ['retrying', 'delivered', 'failed'] as const
export const WebhookDelivery = Type.Object(
  {
    deliveryId: Id,
    webhookId: Id,
    messageId: Type.String({ description: 'The webhook-id header: the same in every attempt and redelivery' }),
    type: Type.String(),
    topic: Type.String(),
    cursor: Cursor,
    status: OneOf(deliveryStatuses, 'failed: it is not retried automatically'),
    reason: OneOf(['event', 'test', 'redelivery'], 'Why it was sent'),
    attempts: Type.Integer({ minimum: 1 }),
    createdAt: Timestamp,
    attemptedAt: Timestamp,
    nextAttemptAt: Type.Optional(Timestamp),
    durationMs: Type.Integer({ minimum: 0, description: 'The duration of the last attempt' }),
    statusCode: Type.Optional(Type.Integer({ description: 'The receiver’s response to the last attempt' })),
    error: Type.Optional(Type.String()),
    response: Type.Optional(Type.String({ description: 'The beginning of the receiver’s response' })),
  },
  { $id: 'WebhookDelivery' },
)
export type WebhookDelivery = Static<typeof WebhookDelivery>

const pageOf = <T extends TSchema>(items: T) =>
  Type.Object({ items: Type.Array(items), nextCursor: Type.Union([Type.String(), Type.Null()]) })
export const WebhookPage = pageOf(Webhook)
export const WebhookDeliveryPage = pageOf(WebhookDelivery)
export const ListWebhooksQuery = Type.Object(PageQuery, Closed)
export const ListDeliveriesQuery = Type.Object({ ...PageQuery, status: Type.Optional(OneOf(deliveryStatuses)) }, Closed)
export const WebhookParams = Type.Object({ webhookId: Id })
export const WebhookDeliveryParams = Type.Object({ webhookId: Id, deliveryId: Id })
