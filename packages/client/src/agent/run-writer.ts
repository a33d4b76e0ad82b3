import type { AgentFrameType, AgentPayloads } from '@fleetwire/protocol'
import type { PushOptions } from './outbox.ts'

/** Types that an agent may report directly; commands, terminals and the connection have their own methods. */
export type ReportType = Exclude<
  AgentFrameType,
  'agent:connect' | 'agent:exit' | 'heartbeat' | `command:${string}` | `terminal:${string}`
>

/** A message or a tool call that a run is writing. */
export interface RunWriter {
  /** Ends the message or tool call because its run has ended. Idempotent. */
  close(): void
}

/** What a writer needs from its run. */
export interface WriterPort {
  report<K extends ReportType>(type: K, payload: AgentPayloads[K], options?: PushOptions): void
  ended(writer: RunWriter): void
}
