import type { WebhookNotice } from '@fleetwire/protocol'
import type { FleetEvent } from '../log/event-log.ts'
import type { Message } from './message.ts'
import { slackMessage } from './slack-message.ts'
import type { WebhookRecord } from './webhook-record.ts'

/** A full stop would end the id in the signed text. */
const idOf = (webhookId: string, what: string): string => `${webhookId}_${what.replaceAll('.', '_')}`

export const eventMessage = (webhookId: string, { type, topic, cursor, at, json }: FleetEvent): Message => ({
  messageId: idOf(webhookId, cursor),
  ...{ type, topic, cursor, at, json },
})

/** `key` distinguishes the notices of one webhook. */
export function noticeMessage(
  webhookId: string,
  type: WebhookNotice,
  payload: object,
  { key, cursor, at }: { key: string; cursor: string; at: number },
): Message {
  const messageId = idOf(webhookId, `${type.slice('webhook:'.length)}_${key}`)
  return { messageId, type, topic: `webhooks.${webhookId}`, cursor, at, json: JSON.stringify(payload) }
}

/** The body, in the format of the webhook. A payload that would make it larger than `maxBytes` is omitted. */
export function bodyOf({ format }: Pick<WebhookRecord, 'format'>, message: Message, maxBytes: number): string {
  if (format === 'slack') return slackMessage(message)
  const whole = jsonBody(message, message.json)
  if (Buffer.byteLength(whole) <= maxBytes) return whole
  return jsonBody(message, 'null', `,"omitted":${JSON.stringify({ payloadBytes: Buffer.byteLength(message.json) })}`)
}

/** Built as text, since the payload is JSON already. */
function jsonBody({ type, topic, cursor, at }: Message, payload: string, more = ''): string {
  return `${JSON.stringify({ type, topic, cursor, at }).slice(0, -1)},"payload":${payload}${more}}`
}
