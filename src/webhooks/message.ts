/** The content of a delivery: an event of the log, or a notice in the same shape. */
export interface Message {
  /** The header `webhook-id`: always the same for the same event and webhook, however it is sent, and how often. */
  messageId: string
  type: string
  topic: string
  cursor: string
  at: number
  /** The payload as JSON. */
  json: string
}
