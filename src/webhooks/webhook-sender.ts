import type { Sent } from './delivery-state.ts'

/** Sends one request, once. Whatever happens is an answer, never an exception. */
export interface WebhookSender {
  /** `aborted`: the request is given up. */
  send(request: WebhookRequest, aborted: AbortSignal): Promise<Sent>
  /** Why nothing may be sent to this URL: it is looked up, if it names a host that can be. */
  urlFlaw(url: string): Promise<string | undefined>
  /** Closes idle connections. */
  close(): void
}

export interface WebhookRequest {
  url: string
  headers: Record<string, string>
  body: string
}
