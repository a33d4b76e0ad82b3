import type { Clock } from '../clock.ts'
import { cursorBefore, cursorInCopy } from '../log/cursor.ts'
import type { EventLog, FleetEvent } from '../log/event-log.ts'
import type { Message } from './message.ts'
import { isWanted, type LabelsOf } from './webhook-filter.ts'
import { eventMessage, noticeMessage } from './webhook-message.ts'
import type { Position, WebhookRecord } from './webhook-record.ts'

/** Small, since each event may be large, and they are sent one by one. */
const PAGE = 16

export type Next =
  /** `next`: the cursor once the message is delivered. */
  | { kind: 'message'; message: Message; next: string }
  /** There is nothing to send before this cursor. */
  | { kind: 'end'; cursor: string }

/** Finds the next message of a webhook after a cursor. Each result moves the cursor on. */
export class WebhookReader {
  readonly #log: Pick<EventLog, 'read' | 'head' | 'epoch'>
  readonly #labelsOf: LabelsOf
  /** Events read but not examined yet, for the webhook as it was then. */
  #page: readonly FleetEvent[] = []
  #of: WebhookRecord | undefined

  readonly #clock: Clock

  constructor(log: Pick<EventLog, 'read' | 'head' | 'epoch'>, clock: Clock, labelsOf: LabelsOf) {
    this.#log = log
    this.#clock = clock
    this.#labelsOf = labelsOf
  }

  /** `cursor`: everything before it was examined. */
  async next(webhook: WebhookRecord, { skippedAfter, ...position }: Position, cursor: string): Promise<Next> {
    if (skippedAfter !== undefined) return this.#gap(webhook, skippedAfter, position.cursor, 'skipped')
    if (this.#of !== webhook) this.#page = []
    this.#of = webhook
    let at = cursor
    for (;;) {
      for (const [i, event] of this.#page.entries()) {
        at = event.cursor
        if (!isWanted(webhook, event, this.#labelsOf)) continue
        this.#page = this.#page.slice(i + 1)
        return { kind: 'message', message: eventMessage(webhook.webhookId, event), next: event.cursor }
      }
      this.#page = []
      const read = await this.#log.read({ topics: webhook.topics, after: at, limit: PAGE })
      if (read.status === 'gone') {
        const next = read.reason === 'epoch' ? await this.#inCopy(at) : await this.#oldest()
        return this.#gap(webhook, at, next, read.reason)
      }
      if (read.events.length === 0) {
        at = read.next
        if (read.done) return { kind: 'end', cursor: at }
      }
      this.#page = read.events
    }
  }

  /** Drops events that were read for a position that is no longer valid. */
  forget(): void {
    this.#page = []
  }

  /** This log was restored from a copy: the webhook continues from its position at the time of the copy. */
  async #inCopy(cursor: string): Promise<string> {
    const here = cursorInCopy(cursor, this.#log.epoch)
    const read = await this.#log.read({ topics: ['>'], after: here, limit: 1 })
    return read.status === 'ok' ? here : this.#oldest()
  }

  /** The cursor just before the oldest event kept. */
  async #oldest(): Promise<string> {
    const read = await this.#log.read({ topics: ['>'], limit: 1 })
    const first = read.status === 'ok' ? read.events[0] : undefined
    return (first && cursorBefore(first.cursor)) ?? this.#log.head
  }

  /** Sent in place of events that cannot be sent: gaps are reported, never hidden. */
  #gap({ webhookId }: WebhookRecord, after: string, next: string, reason: string): Next {
    const message = reasons[reason] ?? `This log does not know the position of this webhook (${reason}).`
    const payload = { webhookId, after, resumedAt: next, reason, message }
    const notice = noticeMessage(webhookId, 'webhook:gap', payload, { key: after, cursor: next, at: this.#clock.now() })
    return { kind: 'message', message: notice, next }
  }
}

const reasons: Record<string, string> = {
  expired: 'Events of this webhook left the log before they could be delivered.',
  epoch:
    'The log was restored from a backup. It lacks the events after that backup, though they may have been delivered; new ones follow.',
  skipped: 'Events that waited for this webhook were skipped manually.',
}
