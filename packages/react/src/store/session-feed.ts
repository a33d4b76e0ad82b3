import type { DashboardEvent, SnapshotRecord } from '@fleetwire/client'
import { type Session, topics, type WireEvent } from '@fleetwire/protocol'
import type { RestResult } from '../rest/request.ts'
import type { Page } from '../rest/rest.ts'
import { Conversation } from './conversation.ts'
import { Feed, type FeedPort } from './feed.ts'
import { KeyedListeners } from './listeners.ts'
import type { ConversationItem } from './transcript.ts'

export interface SessionPort extends FeedPort {
  /** Events of the topic before the cursor, newest first. */
  eventsBefore(topic: string, cursor: string | undefined): Promise<RestResult<Page<WireEvent>>>
}

/** Minimum number of items that one call for older items loads, unless there are no more. */
const ITEMS_A_LOAD = 20
/** Maximum pages per load: a long message may span many pages without a start. */
const PAGES_A_LOAD = 20

/** One session with its conversation: open items come with the snapshot, older ones over REST. */
export class SessionFeed extends Feed {
  readonly #sessionPort: SessionPort
  readonly #keyed = new KeyedListeners()
  #shown = new Conversation()
  /** A newer snapshot, until its latest items have loaded too; then it replaces the shown conversation. */
  #next: Conversation | undefined
  #isNextWhole = false
  #loading: Promise<void> | undefined

  constructor(pattern: string, port: SessionPort) {
    super(pattern, 'all', port)
    this.#sessionPort = port
  }

  get session(): Session | undefined {
    return this.#shown.session
  }

  get state(): unknown {
    return this.#shown.state
  }

  get itemIds(): readonly string[] {
    return this.#shown.transcript.ids
  }

  /** Whether `loadOlder` may load more. */
  get hasOlder(): boolean {
    return this.#shown.olderCursor !== null
  }

  item(itemId: string): ConversationItem | undefined {
    return this.#shown.transcript.get(itemId)
  }

  onItem(itemId: string, listener: () => void): () => void {
    return this.#keyed.add(itemId, listener)
  }

  /** Loads older items. Calls during a load share it. */
  readonly loadOlder = (): Promise<void> => {
    this.#loading ??= this.#load(this.#shown).finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  protected async replace(records: readonly SnapshotRecord[]): Promise<void> {
    const next = new Conversation()
    for (const record of records) next.add(record)
    next.apply()
    this.#next = next
    this.#isNextWhole = false
    await this.#load(next)
    if (this.#next === next) this.#isNextWhole = true
  }

  protected note(event: DashboardEvent): boolean {
    const conversation = this.#next ?? this.#shown
    conversation.add(event)
    return true
  }

  protected apply(): void {
    if (this.#next === undefined || !this.#isNextWhole) {
      this.#keyed.tell(this.#shown.apply())
      return
    }
    this.#shown = this.#next
    this.#next = undefined
    this.#shown.apply()
    this.#keyed.tellAll()
  }

  protected staleness(): void {
    this.#keyed.tellAll()
  }

  async #load(conversation: Conversation): Promise<void> {
    const { session } = conversation
    // Without a record there is nothing to read: the server has no such session.
    if (session === undefined) conversation.olderCursor = null
    else await this.#loadPages(conversation, topics.sessionMessages(session.agentId, session.sessionId))
  }

  async #loadPages(conversation: Conversation, topic: string): Promise<void> {
    let items = 0
    for (let pages = 0; pages < PAGES_A_LOAD && items < ITEMS_A_LOAD && conversation.olderCursor !== null; pages++) {
      const page = await this.#sessionPort.eventsBefore(topic, conversation.olderCursor)
      if (!page.ok) return
      items += conversation.addOlder(page.data.items, page.data.nextCursor)
    }
    this.port.pending(this)
  }
}
