import type { TranscriptMessage } from '@fleetwire/protocol'
import type { AgUiEvent } from './ag-ui-event.ts'
import { isReasoning, textRoleOf } from './messages.ts'

/** How a message is opened, continued and closed: reasoning has an extra bracket around it. */
export function voiceOf({ messageId, role }: TranscriptMessage) {
  if (!isReasoning(role)) {
    return {
      open: [{ type: 'TEXT_MESSAGE_START', messageId, role: textRoleOf(role) }] as AgUiEvent[],
      say: (delta: string): AgUiEvent[] => (delta === '' ? [] : [{ type: 'TEXT_MESSAGE_CONTENT', messageId, delta }]),
      close: [{ type: 'TEXT_MESSAGE_END', messageId }] as AgUiEvent[],
    }
  }
  return {
    open: [
      { type: 'REASONING_START', messageId },
      { type: 'REASONING_MESSAGE_START', messageId, role: 'reasoning' },
    ] as AgUiEvent[],
    say: (delta: string): AgUiEvent[] =>
      delta === '' ? [] : [{ type: 'REASONING_MESSAGE_CONTENT', messageId, delta }],
    close: [
      { type: 'REASONING_MESSAGE_END', messageId },
      { type: 'REASONING_END', messageId },
    ] as AgUiEvent[],
  }
}
