import type { EventPayloads } from '@fleetwire/protocol'

/** A message of a thread, in AG-UI's form. A client's message is passed on with all the fields that it had. */
export interface AgUiMessage {
  id: string
  role: string
  content?: unknown
  toolCalls?: AgUiToolCall[]
  toolCallId?: string
  [field: string]: unknown
}

export interface AgUiToolCall {
  id: string
  type: 'function'
  /** `arguments` is JSON as text. */
  function: { name: string; arguments: string }
}

/** A question that a client must answer before the thread can continue. */
export interface AgUiInterrupt {
  id: string
  reason: string
  message?: string
  responseSchema?: object
  /** ISO 8601. */
  expiresAt?: string
  metadata?: Record<string, unknown>
}

export type AgUiOutcome =
  | { type: 'success'; pendingToolCallIds?: string[] }
  | { type: 'interrupt'; interrupts: AgUiInterrupt[] }
  | { type: 'cancelled' }

type Tagged = { subagentRunId?: string }

/**
 * The AG-UI events that this server sends, and those that its verifier keeps in order. Optional fields are absent and
 * never null: clients abort a run over a null.
 */
export type AgUiEvent =
  | { type: 'RUN_STARTED'; threadId: string; runId: string; protocolVersion?: string }
  | { type: 'RUN_FINISHED'; threadId: string; runId: string; result?: unknown; outcome?: AgUiOutcome }
  | { type: 'RUN_ERROR'; message: string; code?: string }
  | ({ type: 'STEP_STARTED' | 'STEP_FINISHED'; stepName: string } & Tagged)
  | ({ type: 'TEXT_MESSAGE_START'; messageId: string; role: AgUiTextRole } & Tagged)
  | ({ type: 'TEXT_MESSAGE_CONTENT'; messageId: string; delta: string } & Tagged)
  | ({ type: 'TEXT_MESSAGE_END'; messageId: string } & Tagged)
  | ({ type: 'TOOL_CALL_START'; toolCallId: string; toolCallName: string; parentMessageId?: string } & Tagged)
  | ({ type: 'TOOL_CALL_ARGS'; toolCallId: string; delta: string } & Tagged)
  | ({ type: 'TOOL_CALL_END'; toolCallId: string } & Tagged)
  | ({
      type: 'TOOL_CALL_RESULT'
      messageId: string
      toolCallId: string
      content: string
      role: 'tool'
      metadata?: { isError: true }
    } & Tagged)
  | { type: 'STATE_SNAPSHOT'; snapshot: unknown }
  | { type: 'STATE_DELTA'; delta: EventPayloads['state:patch']['patch'] }
  | { type: 'MESSAGES_SNAPSHOT'; messages: AgUiMessage[] }
  | ({ type: 'REASONING_START' | 'REASONING_END'; messageId: string } & Tagged)
  | ({ type: 'REASONING_MESSAGE_START'; messageId: string; role: 'reasoning' } & Tagged)
  | ({ type: 'REASONING_MESSAGE_CONTENT'; messageId: string; delta: string } & Tagged)
  | ({ type: 'REASONING_MESSAGE_END'; messageId: string } & Tagged)
  | { type: 'SUBAGENT_STARTED'; subagentRunId: string; name: string }
  | { type: 'SUBAGENT_FINISHED'; subagentRunId: string }
  | { type: 'SUBAGENT_ERROR'; subagentRunId: string; message: string }
  | { type: 'CUSTOM'; name: string; value: unknown }

export type AgUiTextRole = 'developer' | 'system' | 'assistant' | 'user'

/** The version that this server speaks with clients that send one. */
export const PROTOCOL_VERSION = '1.0'

/**
 * Converts an event for a client that sends no version (0.0.x), which fails on an outcome that it does not know. One
 * event stays one event, so that frame numbers agree for both generations. Undefined if there is no equivalent.
 */
export function forOldClients(event: AgUiEvent): AgUiEvent | undefined {
  switch (event.type) {
    case 'RUN_STARTED': {
      const { protocolVersion: _, ...rest } = event
      return rest
    }
    case 'RUN_FINISHED': {
      const { outcome, ...rest } = event
      if (outcome?.type === 'cancelled') return { type: 'RUN_ERROR', message: 'The run was stopped.', code: 'STOPPED' }
      return outcome?.type === 'interrupt' ? event : rest
    }
    case 'SUBAGENT_STARTED':
    case 'SUBAGENT_FINISHED':
    case 'SUBAGENT_ERROR':
      return undefined
    default: {
      if (!('subagentRunId' in event)) return event
      const { subagentRunId, ...rest } = event
      if (subagentRunId === undefined || !('stepName' in rest)) return rest as AgUiEvent
      // Steps of two nested agents may have the same name, and these clients treat both as steps of the run.
      return { ...rest, stepName: `${rest.stepName} (${subagentRunId})` } as AgUiEvent
    }
  }
}
