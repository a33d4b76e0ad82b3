import type { Sent } from './delivery-state.ts'

/** Sends one request, once. Every failure is a result, never an exception. */
export interface WebhookSender {
  /** `aborted`: abandons the request. */
  send(request: WebhookRequest, aborted: AbortSignal): Promise<Sent>
  /** Why nothing may be sent to this URL. Looks up the host name, if it can be resolved. */
  urlFlaw(url: string): Promise<string | undefined>
  /** Closes idle connections. */
  close(): void
}

export interface WebhookRequest {
  url: string
  headers: Record<string, string>
  body: string
}
