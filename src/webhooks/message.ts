/** What is sent: an event of the log, or a notice of its shape. */
export interface Message {
  /** The header `webhook-id`: of the same event and webhook it is always the same, whoever sends it, and how often. */
  messageId: string
  type: string
  topic: string
  cursor: string
  at: number
  /** The payload as JSON. */
  json: string
}
