import type { DashboardEvent, Timer } from '@fleetwire/client'
import { type Batch, type Command, commandStatuses } from '@fleetwire/protocol'
import { clockStore } from './clock-store.ts'
import type { FleetStore } from './fleet-store.ts'
import { Listeners } from './listeners.ts'
import { type Live, LOADING, type Source } from './live.ts'
import { patterns } from './record-kind.ts'

/** Commands of a batch end by the hundred, so listeners are notified at intervals. */
const FLUSH_MS = 100

const live = new Set<Command['status']>(['queued', 'dispatched', 'running'])

/** One batch: read over REST, then kept up to date by the events of its commands. */
export class BatchView implements Source<Live<Batch>> {
  readonly #store: FleetStore
  readonly #parentId: string
  readonly #listeners = new Listeners()
  #live: Live<Batch> = LOADING
  /** Statuses from events since the last request: they may be newer than its response. */
  #changes = new Map<string, Command['status']>()
  #leave: (() => void)[] = []
  #timer: Timer | undefined
  #isReading = false
  #mustRead = false

  constructor(store: FleetStore, parentId: string) {
    this.#store = store
    this.#parentId = parentId
  }

  readonly get = (): Live<Batch> => this.#live

  readonly subscribe = (listener: () => void): (() => void) => {
    const leave = this.#listeners.add(listener)
    // StrictMode subscribes twice in one turn: only the subscription that remains opens anything.
    queueMicrotask(() => this.#listeners.size > 0 && this.#leave.length === 0 && this.#open())
    return () => {
      leave()
      queueMicrotask(() => this.#listeners.size === 0 && this.#close())
    }
  }

  #open(): void {
    const { client, connectivity } = this.#store
    const handlers = {
      // The first snapshot, and those after a gap: they omit commands that ended in between.
      snapshot: () => void this.#read(),
      event: (event: DashboardEvent) => this.#note(event),
      error: () => void this.#read(),
    }
    this.#leave = [
      client.subscribe(patterns.commands(), handlers, { snapshot: 'active' }),
      connectivity.subscribe(() => this.#freshness()),
    ]
  }

  #close(): void {
    for (const leave of this.#leave) leave()
    this.#leave = []
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #read(): Promise<void> {
    this.#mustRead = this.#isReading
    if (this.#isReading) return
    this.#isReading = true
    this.#changes = new Map()
    const result = await this.#store.rest.batches.get(this.#parentId)
    this.#isReading = false
    if (result.ok) this.#set(result.data)
    else if (this.#live.status !== 'ready') this.#tell({ status: 'error', error: result.error as never })
    if (this.#mustRead) void this.#read()
  }

  #note({ type, payload }: DashboardEvent): void {
    if (!type.startsWith('command:')) return
    const { parentId, commandId, status, reason } = payload as Command
    if (parentId !== this.#parentId) return
    this.#changes.set(commandId, status)
    const batch = this.#live.status === 'ready' ? this.#live.data : undefined
    if (reason === 'batch_stopped' && batch?.stoppedAt === undefined) this.#mustRead = true
    this.#timer ??= this.#store.client.clock.setTimeout(() => this.#flush(), FLUSH_MS)
  }

  #flush(): void {
    this.#timer = undefined
    if (this.#live.status !== 'ready') return
    const before = this.#live.data
    this.#set(before)
    // Commands do not say whether and by whom the batch was stopped.
    const hasEnded = this.#live.data.status === 'ended' && before.status !== 'ended'
    if (hasEnded || this.#mustRead) void this.#read()
  }

  #set(read: Batch): void {
    const commands = read.commands.map(command => {
      const status = this.#changes.get(command.commandId)
      return status === undefined || status === command.status ? command : { ...command, status }
    })
    const counts = Object.fromEntries(commandStatuses.map(status => [status, 0])) as Batch['counts']
    for (const { status } of commands) counts[status]++
    const isOver = commands.every(({ status }) => !live.has(status))
    const status = isOver ? 'ended' : read.status === 'ended' ? 'running' : read.status
    this.#tell(this.#ready({ ...read, commands, counts, status }))
  }

  #ready(data: Batch): Live<Batch> {
    const { isOnline, downSince } = this.#store.connectivity
    const now = this.#store.client.clock.now() + clockStore.aheadMs
    return { status: 'ready', data, stale: !isOnline, asOf: isOnline ? now : (downSince ?? now) }
  }

  #freshness(): void {
    if (this.#live.status !== 'ready' || this.#live.stale === !this.#store.connectivity.isOnline) return
    this.#tell(this.#ready(this.#live.data))
  }

  #tell(next: Live<Batch>): void {
    this.#live = next
    this.#listeners.tell()
  }
}
