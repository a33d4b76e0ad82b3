import type { AgentFrameType, AgentPayloads } from '@fleetwire/protocol'
import type { PushOptions } from './outbox.ts'

/** What an agent may report of itself; commands, terminals and the connection report through their own verbs. */
export type ReportType = Exclude<
  AgentFrameType,
  'agent:connect' | 'agent:exit' | 'heartbeat' | `command:${string}` | `terminal:${string}`
>

/** A message or a tool call that a run is writing. */
export interface RunWriter {
  /** Ends it as its run has ended; idempotent. */
  close(): void
}

/** What a writer needs of its run. */
export interface WriterPort {
  report<K extends ReportType>(type: K, payload: AgentPayloads[K], options?: PushOptions): void
  ended(writer: RunWriter): void
}
