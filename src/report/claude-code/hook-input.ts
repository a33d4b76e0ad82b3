import { isObject } from '../../is-object.ts'

/** The fields of Claude Code's hook input (on stdin) that are used here. All others are ignored. */
export interface HookInput {
  hook_event_name: string
  session_id?: string
  session_title?: string
  cwd?: string
  transcript_path?: string
  source?: string
  prompt?: string
  prompt_id?: string
  tool_name?: string
  tool_input?: unknown
  tool_response?: unknown
  tool_use_id?: string
  error?: unknown
  error_details?: unknown
  reason?: string
  message?: string
  notification_type?: string
  last_assistant_message?: string
  permission_suggestions?: unknown
}

const texts = [
  ...[
    'hook_event_name',
    'session_id',
    'session_title',
    'cwd',
    'transcript_path',
    'source',
    'prompt',
    'prompt_id',
    'tool_name',
  ],
  ...['tool_use_id', 'reason', 'message', 'notification_type', 'last_assistant_message'],
] as const

/** Undefined if the text is not a hook's input. A field of an unexpected type counts as missing. */
export function readHookInput(text: string): HookInput | undefined {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    return undefined
  }
  if (!isObject(value) || typeof value.hook_event_name !== 'string') return undefined
  const wrong = texts.filter(name => value[name] !== undefined && typeof value[name] !== 'string')
  for (const name of wrong) delete value[name]
  return value as unknown as HookInput
}

/** Converts an id of Claude Code to a valid Fleetwire id. Today's ids are valid already. */
export const idOf = (id: string | undefined): string | undefined => {
  const safe = id?.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)
  return safe === '' ? undefined : safe
}
