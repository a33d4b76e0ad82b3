import type { DashboardEvent, SnapshotRecord } from '@fleetwire/client'
import type { EventPayloads, Session, TranscriptItem } from '@fleetwire/protocol'
import type { RestResult } from '../rest/request.ts'
import type { Page } from '../rest/rest.ts'
import { Feed, type FeedPort } from './feed.ts'
import { patched } from './json-patch.ts'
import { KeyedListeners } from './listeners.ts'
import { type ConversationItem, Transcript, type TranscriptFrame } from './transcript.ts'

export interface SessionPort extends FeedPort {
  transcriptPage(sessionId: string, cursor: string | undefined): Promise<RestResult<Page<TranscriptItem>>>
}

/** One session with its conversation: what is open comes with the snapshot, what is older over REST. */
export class SessionFeed extends Feed {
  readonly sessionId: string
  readonly #sessionPort: SessionPort
  readonly #keyed = new KeyedListeners()
  #transcript = new Transcript()
  #session: Session | undefined
  #state: unknown
  #pending: TranscriptFrame[] = []
  /** Of the next page of older items; null: there is none. */
  #older: string | null | undefined
  #loading: Promise<void> | undefined

  constructor(sessionId: string, pattern: string, port: SessionPort) {
    super(pattern, 'all', port)
    this.sessionId = sessionId
    this.#sessionPort = port
  }

  get session(): Session | undefined {
    return this.#session
  }

  get state(): unknown {
    return this.#state
  }

  get itemIds(): readonly string[] {
    return this.#transcript.ids
  }

  /** Whether `loadOlder` may bring more. */
  get hasOlder(): boolean {
    return this.#older !== null
  }

  item(itemId: string): ConversationItem | undefined {
    return this.#transcript.get(itemId)
  }

  onItem(itemId: string, listener: () => void): () => void {
    return this.#keyed.add(itemId, listener)
  }

  /** Loads what came before. */
  readonly loadOlder = (): Promise<void> => {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  protected replace(records: readonly SnapshotRecord[]): void {
    this.#pending = [...records]
    if (this.#older === undefined) void this.loadOlder()
  }

  protected note(event: DashboardEvent): boolean {
    this.#pending.push(event)
    return true
  }

  protected apply(): void {
    const changed = new Set<string>()
    for (const frame of this.#pending) {
      if (frame.type.startsWith('session:')) this.#session = frame.payload as Session
      else if (frame.type === 'state:snapshot') {
        this.#state = (frame.payload as EventPayloads['state:snapshot']).snapshot
      } else if (frame.type === 'state:patch') {
        this.#state = patched(this.#state, (frame.payload as EventPayloads['state:patch']).patch)
      } else {
        const id = this.#transcript.apply(frame)
        if (id !== undefined) changed.add(id)
      }
    }
    this.#pending = []
    this.#keyed.tell(changed)
  }

  protected staleness(): void {}

  async #load(): Promise<void> {
    while (this.#older !== null) {
      const page = await this.#sessionPort.transcriptPage(this.sessionId, this.#older)
      if (!page.ok) return
      this.#older = page.data.nextCursor
      this.#keyed.tell(this.#transcript.prepend(page.data.items))
      this.port.pending(this)
    }
  }
}
