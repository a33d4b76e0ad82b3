import type { ToolCall, ToolCallContent, ToolCallLocation, ToolCallUpdate } from '@agentclientprotocol/sdk'
import type { RunToolCall, RunToolCallOptions } from '@fleetwire/client'
import { cut, fitJson } from './fit-json.ts'
import { describeContent } from './prompt-content.ts'
import { unifiedDiff } from './unified-diff.ts'

/** Starts reporting a tool call, like `CommandRun.tool`. */
export type StartTool = (name: string, args?: unknown, options?: RunToolCallOptions) => RunToolCall

interface Shown {
  /** Everything known about the call so far. */
  known: ToolCall
  /** Undefined once the call has ended. */
  call: RunToolCall | undefined
  hasArgs: boolean
}

const MAX_NAME_CHARS = 256
const MAX_KNOWN = 1000

/**
 * The tool calls of one session. Programs reuse ids in later turns, so each call gets its own id here. A call is
 * reported when it is first mentioned. Its arguments follow once they are known, since many programs announce a call
 * before the model has written them.
 */
export class ToolCalls {
  readonly #shown = new Map<string, Shown>()

  /** What is known about a call, for permission requests about it. */
  known(toolCallId: string): ToolCall | undefined {
    return this.#shown.get(toolCallId)?.known
  }

  /** Takes a complete call or a change to one. Returns the title if the call has just begun. */
  update(update: ToolCall | ToolCallUpdate, start: StartTool): string | undefined {
    let shown = this.#shown.get(update.toolCallId)
    // `title` is required in a call and optional in a change, so a change without a title never starts a new call.
    const isNew =
      shown === undefined || (shown.call === undefined && typeof update.title === 'string' && isOpen(update))
    const known = merged(isNew ? undefined : shown?.known, update)
    if (isNew || shown === undefined) {
      const args = argsOf(known)
      const options = args === undefined ? [] : [args]
      shown = { known, call: start(nameOf(known), ...options), hasArgs: args !== undefined }
      this.#keep(update.toolCallId, shown)
    }
    shown.known = known
    const { call } = shown
    if (call === undefined) return undefined
    const hasEnded = known.status === 'completed' || known.status === 'failed'
    if (!shown.hasArgs) {
      const args = argsOf(known)
      if (args !== undefined) {
        shown.hasArgs = true
        call.args(JSON.stringify(args))
      }
    }
    if (hasEnded) {
      shown.call = undefined
      end(call, known)
    }
    return isNew ? known.title : undefined
  }

  /** The turn is over. Calls whose end was not reported are ended. */
  endTurn(how: 'ended' | 'cancelled'): void {
    for (const shown of this.#shown.values()) {
      const { call, known } = shown
      if (call === undefined) continue
      shown.call = undefined
      if (how === 'cancelled') call.fail({ code: 'cancelled', message: 'The turn was cancelled.' })
      else call.end(resultOf(known))
    }
  }

  #keep(toolCallId: string, shown: Shown): void {
    this.#shown.delete(toolCallId)
    this.#shown.set(toolCallId, shown)
    for (const [id, { call }] of this.#shown) {
      if (this.#shown.size <= MAX_KNOWN) return
      if (call === undefined) this.#shown.delete(id)
    }
  }
}

const isOpen = ({ status }: { status?: string | null | undefined }) => status !== 'completed' && status !== 'failed'

/** Null and absent fields keep their previous value. */
function merged(before: ToolCall | undefined, update: ToolCall | ToolCallUpdate): ToolCall {
  const told = Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined && value !== null))
  return { title: '', ...before, ...told, toolCallId: update.toolCallId }
}

const nameOf = ({ name, title, kind }: ToolCall): string => cut(name || title || kind || 'tool', MAX_NAME_CHARS - 40)

/** Undefined as long as the program has not sent the input. */
function argsOf(known: ToolCall): unknown {
  const { rawInput, kind, title, name, locations } = known
  const isEmpty = rawInput === undefined || (isObject(rawInput) && Object.keys(rawInput).length === 0)
  if (isEmpty && isOpen(known) && (known.status ?? 'pending') === 'pending') return undefined
  return fitJson({
    ...(name && title && { title }),
    ...(kind && { kind }),
    ...placesOf(locations),
    ...(!isEmpty && { input: rawInput }),
  })
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const placesOf = (locations: ToolCallLocation[] | undefined) =>
  locations !== undefined && locations.length > 0 && { locations: locations.map(placeOf) }

const placeOf = ({ path, line }: ToolCallLocation): string => (typeof line === 'number' ? `${path}:${line}` : path)

function end(call: RunToolCall, known: ToolCall): void {
  if (known.status !== 'failed') {
    call.end(resultOf(known))
    return
  }
  const text = (known.content ?? []).flatMap(part => (part.type === 'content' ? [describeContent(part.content)] : []))
  const message = text.join('\n') || (typeof known.rawOutput === 'string' ? known.rawOutput : '') || 'The tool failed.'
  call.fail({ code: 'tool_failed', message: cut(message, 8192), details: resultOf(known) })
}

/** The result of a call: its status, the content to show, and its raw output. */
export const resultOf = ({ status, content = [], locations, rawOutput }: ToolCall): unknown =>
  fitJson({
    status: status ?? 'pending',
    ...placesOf(locations),
    ...(content.length > 0 && { content: content.map(shownContent) }),
    ...(rawOutput !== undefined && { output: rawOutput }),
  })

function shownContent(part: ToolCallContent): unknown {
  switch (part.type) {
    case 'content':
      return { type: 'text', text: describeContent(part.content) }
    case 'diff':
      return { type: 'diff', path: part.path, diff: unifiedDiff(part.path, part.oldText, part.newText) }
    case 'terminal':
      return { type: 'terminal', terminalId: part.terminalId }
    default:
      return { type: (part as { type: string }).type }
  }
}
