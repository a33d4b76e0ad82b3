import type { WebhookEnd } from '@fleetwire/protocol'
import type { Clock, Timer } from '../clock.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import type { DeliverySlots } from './delivery-slots.ts'
import { settle, waitMs } from './delivery-state.ts'
import type { Message } from './message.ts'
import { signedHeaders } from './signature.ts'
import type { LabelsOf } from './webhook-filter.ts'
import { bodyOf } from './webhook-message.ts'
import { type Next, WebhookReader } from './webhook-reader.ts'
import { deliveryDrafts, type Position, positionDraft, positionTopic, type WebhookRecord } from './webhook-record.ts'
import type { WebhookSender } from './webhook-sender.ts'

export interface WorkerPorts {
  log: EventLog
  clock: Clock
  sender: WebhookSender
  slots: DeliverySlots
  labelsOf: LabelsOf
  random: () => number
  maxBytes: number
  disableAfterMs: number
  /** Nothing more is to be sent: the caller disables the webhook. Never rejects. */
  onEnd(webhook: WebhookRecord, reason: WebhookEnd, error: string): Promise<void>
  onAttempt(outcome: 'delivered' | 'failed'): void
  onFault(error: unknown): void
}

interface Held {
  position: Position
  version: number
}

/** The delay before the log is tried again after a fault, ms. */
const FAULT_MS = 5000

/**
 * Delivers the events of one webhook, one after the other, from its stored position. Other receivers never hold it up.
 * Everything needed after a restart is in the log before the next message is sent.
 */
export class DeliveryWorker {
  readonly #ports: WorkerPorts
  #webhook: WebhookRecord
  readonly #reader: WebhookReader
  /** Ends the run, and the request in progress. */
  readonly #stop = new AbortController()
  /** Ends the loop's current wait, if any. */
  #wake: (() => void) | undefined
  /** Set during a timed wait. */
  #timer: Timer | undefined
  /** There may be something new to send. */
  #isWoken = false
  /** Ends any wait: the webhook was changed, or the worker stopped. */
  #isHurried = false
  /** The webhook was changed: the next attempt does not wait for its time. */
  #isTryDue = false
  #isStoreDue = false
  /** How far the log was examined, possibly beyond the stored position. */
  #cursor: string | undefined
  #stored: string | undefined
  #waiting: { at: number; attempts: number } | undefined
  readonly done: Promise<void>

  constructor(webhook: WebhookRecord, ports: WorkerPorts) {
    this.#webhook = webhook
    this.#ports = ports
    this.#reader = new WebhookReader(ports.log, ports.clock, ports.labelsOf)
    this.done = this.#run()
  }

  /** Stops at once: a request in progress is abandoned. */
  stop(): void {
    this.#stop.abort()
    this.#hurry()
  }

  /** There may be something to send. */
  wake(): void {
    this.#isWoken = true
    if (this.#isIdle) this.#wake?.()
  }

  /** If the worker is idle, skips ahead: nothing up to this cursor is for this webhook. */
  passed(cursor: string): void {
    if (this.#isIdle && !this.#isWoken) this.#cursor = cursor
  }

  /** The webhook was changed: its next message is tried at once, with the new settings. */
  changed(webhook: WebhookRecord): void {
    this.#webhook = webhook
    this.#isTryDue = true
    this.#hurry()
  }

  /** Stores how far the log was examined, so that a restart need not do it again, nor find those events removed. */
  storeProgress(): void {
    if (this.#cursor === this.#stored) return
    this.#isStoreDue = true
    if (this.#isIdle) this.wake()
  }

  /** The event that is still undelivered: when it was due, epoch ms, and how often it failed. */
  get waiting(): { at: number; attempts: number } | undefined {
    return this.#waiting
  }

  #hurry(): void {
    this.#isHurried = true
    this.#wake?.()
  }

  /** Waiting for something to send, without a time limit. */
  get #isIdle(): boolean {
    return this.#wake !== undefined && this.#timer === undefined
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  async #run(): Promise<void> {
    let held: Held | undefined
    while (!this.#isStopped) {
      const webhook = this.#webhook
      try {
        held ??= await this.#load()
        if (held === undefined) return
        held = await this.#step(held, webhook)
        // The change may have moved the position too.
        if (this.#webhook !== webhook) held = undefined
      } catch (error) {
        if (this.#isStopped) return
        this.#ports.onFault(error)
        held = undefined
        await this.#sleep(FAULT_MS)
      }
    }
  }

  async #load(): Promise<Held | undefined> {
    const record = await this.#ports.log.get(positionTopic(this.#webhook.webhookId))
    if (record === undefined) return undefined
    const position = record.payload as Position
    this.#cursor = position.cursor
    this.#stored = position.cursor
    this.#reader.forget()
    return { position, version: record.version }
  }

  /** Delivers one message, or waits once. Undefined if the position was moved elsewhere. */
  async #step(held: Held, webhook: WebhookRecord): Promise<Held | undefined> {
    const found = await this.#reader.next(webhook, held.position, this.#cursor!)
    if (this.#isStopped) return held
    if (found.kind === 'end') return this.#rest(held, found.cursor)
    return this.#deliver(held, found, webhook)
  }

  async #rest(held: Held, cursor: string): Promise<Held | undefined> {
    this.#cursor = cursor
    this.#waiting = undefined
    if (this.#isStoreDue) {
      this.#isStoreDue = false
      const { failing: _, ...position } = held.position
      return this.#store(held, () => ({ position: { ...position, cursor }, told: [] }))
    }
    await this.#sleep()
    return held
  }

  async #deliver(
    held: Held,
    { message, next }: Extract<Next, { kind: 'message' }>,
    webhook: WebhookRecord,
  ): Promise<Held | undefined> {
    let current: Held | undefined = held
    do {
      const { failing } = current.position
      const isRetry = failing?.messageId === message.messageId
      this.#waiting = { at: isRetry ? failing.since : message.at, attempts: isRetry ? failing.attempts : 0 }
      if (!this.#isTryDue) await this.#sleep(waitMs(current.position, this.#ports.clock.now()))
      if (this.#isStopped) return current
      // After the change the message may go elsewhere, or nowhere.
      if (this.#webhook !== webhook) break
      this.#isTryDue = false
      current = await this.#attempt(current, message, next)
    } while (current?.position.failing !== undefined)
    if (this.#cursor !== next) this.#reader.forget()
    return current
  }

  /** Makes one attempt, and records its outcome in the log. */
  async #attempt(held: Held, message: Message, next: string): Promise<Held | undefined> {
    const { slots, sender, maxBytes, disableAfterMs, random, clock, onAttempt, onEnd } = this.#ports
    const release = await slots.take(held.position.failing !== undefined)
    const webhook = this.#webhook
    try {
      if (this.#isStopped) return held
      const body = bodyOf(webhook, message, maxBytes)
      const headers = signedHeaders(message.messageId, body, webhook.secrets, clock.now())
      const sent = await sender.send({ url: webhook.url, headers, body }, this.#stop.signal)
      if (this.#isStopped && !sent.ok) return held
      onAttempt(sent.ok ? 'delivered' : 'failed')
      const options = { next, disableAfterMs, random: random() }
      let end: WebhookEnd | undefined
      const stored = await this.#store(held, position => {
        const settled = settle(position, message, sent, options)
        end = settled.end
        return { position: settled.position, told: deliveryDrafts(settled.delivery, settled.number) }
      })
      if (sent.ok) this.#cursor = next
      else if (end !== undefined) await onEnd(webhook, end, sent.error)
      return stored
    } finally {
      release()
    }
  }

  /**
   * Retries until the position is stored, so that a delivered message is not sent again because the disk was full.
   * Undefined if the position was moved elsewhere, or the worker stopped.
   */
  async #store(
    held: Held,
    decide: (position: Position) => { position: Position; told: readonly EventDraft[] },
  ): Promise<Held | undefined> {
    const { log } = this.#ports
    let current = held
    while (!this.#isStopped || current === held) {
      const { position, told } = decide(current.position)
      const appended = await log.append([{ ...positionDraft(position), expect: current.version }, ...told])
      switch (appended.status) {
        case 'ok':
          this.#stored = position.cursor
          return { position, version: appended.events[0]!.seq }
        case 'conflict': {
          // A manual delivery took a number; the position itself has not moved.
          const found = appended.current
          const now = found?.payload as Position | undefined
          if (now?.cursor !== held.position.cursor || now.skippedAfter !== held.position.skippedAfter) return undefined
          current = { position: now, version: found!.version }
          break
        }
        case 'unavailable':
          await this.#sleep(appended.retryAfterMs)
          if (this.#isStopped) return undefined
      }
    }
    return undefined
  }

  /** Waits for `ms`, or without it until there may be something to send. A change or a stop ends the wait. */
  async #sleep(ms?: number): Promise<void> {
    const isDue = ms === undefined ? this.#isWoken : ms <= 0
    if (!isDue && !this.#isHurried) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
        if (ms !== undefined) this.#timer = this.#ports.clock.setTimeout(resolve, ms)
      })
      this.#timer?.cancel()
      this.#timer = undefined
      this.#wake = undefined
    }
    if (ms === undefined) this.#isWoken = false
    this.#isHurried = false
  }
}
