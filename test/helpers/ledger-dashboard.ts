import { DashboardClient, type DashboardEvent } from '@fleetwire/client/node'
import { type Command, type Interaction, isFinal, recordKind } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { decodeCursor } from '../../src/log/cursor.ts'
import { COUNTED } from './ledger-agent.ts'
import { Presence } from './presence.ts'

export interface LedgerDashboardOptions {
  url: string
  token: string
  patterns: string[]
  /** It only watches one agent count. */
  seesOnlyCount?: boolean
  /** It answers questions of runs. */
  answers?: boolean
}

/** A dashboard that records what it receives, and every flaw in it. */
export class LedgerDashboard {
  readonly presence: Presence
  /** Final statuses by command, in order of arrival. */
  readonly ends = new Map<string, string[]>()
  /** Texts of runs' messages. */
  readonly texts = new Map<string, string>()
  readonly flaws: string[] = []
  /** How many numbers it has received. */
  counted = 0
  readonly seesOnlyCount: boolean
  readonly #client: DashboardClient
  readonly #answers: boolean
  readonly #first: Promise<void>
  #rest = ''
  #seq = 0
  #snapshots = 0

  private constructor({ url, token, patterns, answers = false, seesOnlyCount = false }: LedgerDashboardOptions) {
    this.#answers = answers
    this.seesOnlyCount = seesOnlyCount
    this.#client = new DashboardClient({ url, token })
    this.presence = new Presence(this.#client.status)
    this.#first = new Promise(resolve => {
      this.#client.subscribe(patterns, {
        snapshot: ({ records }) => {
          if (this.#snapshots++ > 0) this.flaws.push('a snapshot instead of a replay')
          for (const { topic, type, payload } of records) {
            if (type === 'message:start' && payload.messageId === COUNTED) this.#count((payload as Said).text ?? '')
            else if (recordKind(topic) === 'interaction') this.#asked(payload as Interaction)
          }
          resolve()
        },
        event: event => this.#see(event),
        resync: reason => this.flaws.push(`a resync: ${reason}`),
        error: error => this.flaws.push(`an error: ${error.message}`),
      })
    })
    this.#client.connect()
  }

  /** Resolves when it has its snapshot. It receives everything that happens afterwards. */
  static async start(t: Test, options: LedgerDashboardOptions): Promise<LedgerDashboard> {
    const dashboard = new LedgerDashboard(options)
    t.teardown(() => dashboard.#client.close())
    await dashboard.#first
    return dashboard
  }

  #see({ type, cursor, payload }: DashboardEvent): void {
    // Unstored events have a cursor next to that of a stored event.
    if (!cursor.includes('~')) {
      const { seq } = decodeCursor(cursor)!
      if (seq <= this.#seq) this.flaws.push(`${type} at ${seq}, after ${this.#seq}`)
      this.#seq = seq
    }
    if (type === 'message:delta') {
      const { messageId, delta } = payload as Said
      if (messageId === COUNTED) this.#count(delta!)
      else this.texts.set(messageId, (this.texts.get(messageId) ?? '') + delta)
    } else if (type.startsWith('command:')) {
      const { commandId, status } = payload as Command
      if (isFinal(status) && type === `command:${status}`)
        this.ends.set(commandId, [...(this.ends.get(commandId) ?? []), status])
    } else if (type === 'interaction:requested') this.#asked(payload as Interaction)
  }

  /** Handles a question from an event or from the snapshot. */
  #asked({ interactionId, state }: Interaction): void {
    if (this.#answers && state === 'open') void this.#answer(interactionId)
  }

  #count(text: string): void {
    const numbers = (this.#rest + text).split(' ')
    this.#rest = numbers.pop()!
    for (const number of numbers) {
      if (Number(number) !== this.counted) this.flaws.push(`${number} instead of ${this.counted}`)
      this.counted = Number(number) + 1
    }
  }

  /** Answers like a user, and retries after temporary refusals. */
  async #answer(interactionId: string): Promise<void> {
    for (;;) {
      const reply = await this.#client.respond({ interactionId, optionId: 'yes' })
      if (reply.ok) return
      if (reply.error.code === 'stopped') return
      if (!reply.error.retryable) {
        this.flaws.push(`${interactionId} was not answered: ${reply.error.code}: ${reply.error.message}`)
        return
      }
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
}

interface Said {
  messageId: string
  delta?: string
  text?: string
}
