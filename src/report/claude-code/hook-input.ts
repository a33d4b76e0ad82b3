import { isObject } from '../../is-object.ts'

/** What Claude Code gives its hooks on standard input, as far as it is used here. Everything else is ignored. */
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

/** Undefined if it is no input of a hook. A field that has not its usual type counts as missing. */
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

/** An id of Claude Code's as one of Fleetwire's: its own have nothing that would have to change. */
export const idOf = (id: string | undefined): string | undefined => {
  const safe = id?.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)
  return safe === '' ? undefined : safe
}
