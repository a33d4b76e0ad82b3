import { basename } from 'node:path'
import { isObject } from '../../is-object.ts'
import { shortText } from '../../short-text.ts'
import type { SentFrame } from '../report-client.ts'
import { piecesOf, shorten } from '../shorten.ts'
import { type HookInput, idOf } from './hook-input.ts'

const MAX_TITLE_CHARS = 200
/** Longer messages are truncated. */
const MAX_MESSAGE_CHARS = 1024 * 1024

type Mapping = (input: HookInput, ids: { sessionId?: string; newId(prefix: 'msg'): string }) => SentFrame[]

/**
 * The frames to report for each hook of Claude Code. Permissions are requested by hook-permission.ts. Hooks that are
 * not in this table report nothing.
 */
const mappings: Record<string, Mapping> = {
  SessionStart: ({ cwd, session_title, source }, { sessionId }) => [
    frame('session:start', { sessionId, title: session_title ?? titleOf(cwd) }),
    // A conversation may also be compacted in the middle of a turn.
    ...(source === 'compact' ? [] : [status('idle')]),
  ],
  UserPromptSubmit: ({ prompt = '', prompt_id }, { sessionId, newId }) => [
    ...message('user', prompt, sessionId, messageIdOf(prompt_id) ?? newId('msg')),
    status('working'),
  ],
  PreToolUse: (input, { sessionId }) => [
    frame('tool:start', {
      sessionId,
      toolCallId: idOf(input.tool_use_id),
      name: shortText(input.tool_name ?? 'tool', 256),
      args: shorten(input.tool_input),
    }),
    status('working', toolTitle(input)),
  ],
  PostToolUse: ({ tool_use_id, tool_response }, { sessionId }) => [
    frame('tool:end', { sessionId, toolCallId: idOf(tool_use_id), result: shorten(tool_response) }),
    status('working'),
  ],
  PostToolUseFailure: ({ tool_use_id, error }, { sessionId }) => [
    frame('tool:end', { sessionId, toolCallId: idOf(tool_use_id), error: failure('tool_failed', error) }),
    status('working'),
  ],
  PermissionDenied: ({ tool_use_id, reason }, { sessionId }) => [
    frame('tool:end', { sessionId, toolCallId: idOf(tool_use_id), error: failure('denied', reason) }),
    status('working'),
  ],
  PreCompact: () => [status('working', 'Compacting the conversation')],
  Notification: ({ message = '', notification_type }) => {
    const kind = notification_type ?? kindOf(message)
    if (/^(?:permission_prompt|elicitation_dialog|elicitation_url_dialog|agent_needs_input)$/.test(kind))
      return [status('waiting', message)]
    return kind === 'idle_prompt' ? [status('idle')] : []
  },
  Stop: ({ last_assistant_message }, { sessionId, newId }) => [
    ...message('assistant', last_assistant_message ?? '', sessionId, newId('msg')),
    status('idle'),
  ],
  StopFailure: ({ error, error_details, last_assistant_message }) => [
    frame('agent:error', {
      code: typeof error === 'string' ? shortText(error, 128) : undefined,
      message: shortText(`The turn ended: ${textOf(error_details ?? last_assistant_message ?? error)}`, 2000),
    }),
    status('idle'),
  ],
  SessionEnd: (_input, { sessionId }) => [...(sessionId === undefined ? [] : [frame('session:end', { sessionId })])],
}

/** The events that are reported. `hooks claude-code` connects them. */
export const reportedEvents: readonly string[] = Object.keys(mappings)

/** The frames to report for a hook's input. Pure. */
export function reportsOf(input: HookInput, newId: (prefix: 'msg') => string): SentFrame[] {
  const sessionId = idOf(input.session_id)
  const map = Object.hasOwn(mappings, input.hook_event_name) ? mappings[input.hook_event_name] : undefined
  const frames = map?.(input, { ...(sessionId !== undefined && { sessionId }), newId }) ?? []
  // A tool call without an id could not be ended.
  return frames.filter(({ type, payload }) => !type.startsWith('tool:') || 'toolCallId' in payload)
}

/** A one-line title of a tool call: `Bash: npm test`. */
export function toolTitle({ tool_name = 'tool', tool_input }: HookInput): string {
  const input = isObject(tool_input) ? tool_input : {}
  const what = ['command', 'file_path', 'notebook_path', 'path', 'url', 'pattern', 'query', 'description', 'prompt']
    .map(name => input[name])
    .find(value => typeof value === 'string' && value.trim() !== '')
  const line = typeof what === 'string' ? `${tool_name}: ${what.trim().split('\n')[0]}` : tool_name
  return shortText(line.replace(/\s+/g, ' '), MAX_TITLE_CHARS)
}

function frame(type: SentFrame['type'], payload: Record<string, unknown>): SentFrame {
  return { type, payload: Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined)) }
}

const status = (work: string, detail = ''): SentFrame =>
  frame('agent:status', { work, ...(detail !== '' && { detail: shortText(detail, MAX_TITLE_CHARS) }) })

function message(role: string, text: string, sessionId: string | undefined, messageId: string): SentFrame[] {
  if (text.trim() === '') return []
  const of = { sessionId, messageId }
  const deltas = piecesOf(shortText(text, MAX_MESSAGE_CHARS)).map(delta => frame('message:delta', { ...of, delta }))
  return [frame('message:start', { ...of, role }), ...deltas, frame('message:end', of)]
}

const messageIdOf = (promptId: string | undefined): string | undefined =>
  promptId ? `msg_${idOf(promptId)}`.slice(0, 64) : undefined

const failure = (code: string, error: unknown) => ({ code, message: shortText(textOf(error) || 'It failed.', 8000) })
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : (JSON.stringify(value) ?? '')
const titleOf = (cwd: string | undefined): string =>
  shortText(`Claude Code${cwd === undefined ? '' : ` in ${basename(cwd)}`}`, MAX_TITLE_CHARS)

/** Derives the kind from the message, for versions without the field `notification_type`. */
function kindOf(message: string): string {
  if (/\bneeds your (?:permission|approval)\b/i.test(message)) return 'permission_prompt'
  return /\bwaiting for your input\b/i.test(message) ? 'idle_prompt' : ''
}
