import type {
  PermissionOption,
  RequestPermissionOutcome,
  RequestPermissionRequest,
  ToolCall,
} from '@agentclientprotocol/sdk'
import type { InteractionAnswer } from '@fleetwire/client'
import type { AgentPayloads } from '@fleetwire/protocol'
import { subjectDigest } from '../subject-digest.ts'
import { AcpError } from './acp-error.ts'
import { cut, fitJson } from './fit-json.ts'
import { unifiedDiff } from './unified-diff.ts'

type Question = AgentPayloads['interaction:request']
type Asked = Pick<Question, 'kind' | 'title' | 'description' | 'subject' | 'risk' | 'options'>

export interface Permission {
  question: Asked
  /** Maps an option id of the question to the program's option id. */
  optionIds: ReadonlyMap<string, string>
}

const MAX_OPTIONS = 32
const MAX_INPUT_BYTES = 60_000
const MAX_PREVIEW_CHARS = 60_000
const ID = /^[A-Za-z0-9_-]{1,64}$/

const RISK: Partial<Record<NonNullable<ToolCall['kind']>, Question['risk']>> = {
  ...{ read: 'low', search: 'low', think: 'low' },
  ...{ edit: 'medium', move: 'medium', execute: 'medium', fetch: 'medium', switch_mode: 'medium' },
  ...{ delete: 'high' },
}

const MEANS: Record<string, Pick<Question['options'][number], 'effect' | 'scope'>> = {
  allow_once: { effect: 'allow', scope: 'once' },
  allow_always: { effect: 'allow', scope: 'always' },
  reject_once: { effect: 'deny', scope: 'once' },
  reject_always: { effect: 'deny', scope: 'always' },
}

/**
 * Turns a permission request into a question to a person. `known`: what the program has reported about the tool call so
 * far. Throws AcpError.
 */
export function permissionOf({ toolCall, options }: RequestPermissionRequest, known: ToolCall | undefined): Permission {
  const call: ToolCall = { title: '', ...known, ...told(toolCall), toolCallId: toolCall.toolCallId }
  const { rawInput } = call
  const shownCall =
    typeof rawInput === 'object' && rawInput !== null ? { ...call, rawInput: fitJson(rawInput, MAX_INPUT_BYTES) } : call
  if (options.length === 0) throw new AcpError('invalidParams', 'A permission request must have options.')
  const optionIds = new Map<string, string>()
  const shown = options.slice(0, MAX_OPTIONS).map((option, place) => {
    const id = ID.test(option.optionId) && !optionIds.has(option.optionId) ? option.optionId : `option_${place + 1}`
    optionIds.set(id, option.optionId)
    return { id, label: option.name.slice(0, 512), ...meaningOf(option) }
  })
  const places = (call.locations ?? []).map(({ path, line }) => (typeof line === 'number' ? `${path}:${line}` : path))
  return {
    question: {
      kind: 'permission',
      title: (call.title || call.name || 'May the tool be used?').slice(0, 512),
      description: cut([call.kind, ...places].filter(Boolean).join(' '), 4096),
      subject: subjectOf(shownCall, digestOf(call, shownCall)),
      risk: (call.kind && RISK[call.kind]) ?? 'unknown',
      options: shown,
    },
    optionIds,
  }
}

/** The answer in the program's terms. Without a chosen option, the request was cancelled. */
export function outcomeOf({ optionId }: InteractionAnswer, { optionIds }: Permission): RequestPermissionOutcome {
  const chosen = optionId === undefined ? undefined : optionIds.get(optionId)
  return chosen === undefined ? { outcome: 'cancelled' } : { outcome: 'selected', optionId: chosen }
}

/** An unknown kind, of a later version of the protocol, counts as a denial. */
const meaningOf = ({ kind }: PermissionOption) => MEANS[kind] ?? { effect: 'deny' as const, scope: 'once' as const }

const told = (update: object) =>
  Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined && value !== null))

/** The digest of all of the call, including what a preview leaves out. */
function digestOf(call: ToolCall, shown: ToolCall): string {
  const of = ({ content = [], rawInput = null }: ToolCall) => subjectDigest([content, rawInput])
  try {
    return of(call)
  } catch {
    // An input so deep that it overflows the stack: all that anybody sees of it is a placeholder.
    return of(shown)
  }
}

/** What the permission is for: the diff, the command line, or else the tool's input. */
function subjectOf({ content = [], rawInput, kind }: ToolCall, digest: string): NonNullable<Question['subject']> {
  const subject = (type: string, preview: string) => ({ type, preview: cut(preview, MAX_PREVIEW_CHARS), digest })
  const diffs = content.flatMap(part =>
    part.type === 'diff' ? [unifiedDiff(part.path, part.oldText, part.newText)] : [],
  )
  if (diffs.length > 0) return subject('diff', diffs.join('\n'))
  const { command, args } = (typeof rawInput === 'object' && rawInput !== null ? rawInput : {}) as Record<
    string,
    unknown
  >
  if (kind === 'execute' && typeof command === 'string')
    return subject('command', [command, ...(Array.isArray(args) ? args.map(String) : [])].join(' '))
  const text = content.flatMap(part =>
    part.type === 'content' && part.content.type === 'text' ? [part.content.text] : [],
  )
  if (rawInput === undefined) return subject('tool_call', text.join('\n'))
  return subject('tool_call', typeof rawInput === 'string' ? rawInput : JSON.stringify(rawInput, null, 2))
}
