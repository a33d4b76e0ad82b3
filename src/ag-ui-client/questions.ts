import type { Interrupt, ResumeEntry } from '@ag-ui/client'
import type { InteractionAnswer } from '@fleetwire/client'
import type { AgentPayloads } from '@fleetwire/protocol'
import { isObject } from '../is-object.ts'

type Question = AgentPayloads['interaction:request']
type Option = Question['options'][number]
type Schema = Record<string, unknown>

/** How a person's answer becomes the payload that the agent asked for. */
type Shape =
  /** `{ approved }`, or a plain true or false. */
  | { kind: 'permission'; isPlain: boolean }
  /** One of these values. */
  | { kind: 'choice'; values: readonly string[] }
  | { kind: 'form'; schema: Schema }
  | { kind: 'text' }

const MAX_TITLE_CHARS = 512
const MAX_PREVIEW_CHARS = 8000
/** Of the 32 options that a question may have, two are reserved for declining. */
const MAX_CHOICES = 30
/** The longest time that the protocol lets a question wait. */
const MAX_TIMEOUT_MS = 365 * 86_400_000
const CANCEL: Option = { id: 'cancel', label: 'Cancel', effect: 'deny' }

export interface QuestionContext {
  interactionId: string
  commandId: string
  sessionId: string
  now: number
  /** The tool call that the interrupt is about, in readable form. */
  call: string | undefined
}

/** The interrupt as a question to people. Undefined if it has expired, so that nobody may answer it any more. */
export function questionOf(interrupt: Interrupt, context: QuestionContext): Question | undefined {
  const { interactionId, commandId, sessionId, now, call } = context
  const { message, reason, expiresAt } = interrupt
  const timeoutMs = expiresAt === undefined ? undefined : Date.parse(expiresAt) - now
  if (timeoutMs !== undefined && timeoutMs <= 0) return undefined
  const shape = shapeOf(interrupt)
  const text = message?.trim() || describe(reason)
  const [title = ''] = text.split('\n', 1)
  const isCut = title.length > MAX_TITLE_CHARS
  return {
    ...{ interactionId, commandId, sessionId },
    kind: shape.kind === 'permission' ? 'permission' : shape.kind === 'form' ? 'form' : 'question',
    title: isCut ? `${title.slice(0, MAX_TITLE_CHARS - 2)} …` : title,
    ...((isCut || title !== text) && { description: text }),
    ...(call !== undefined && { subject: { type: 'tool_call', preview: call.slice(0, MAX_PREVIEW_CHARS) } }),
    options: optionsOf(shape),
    ...(shape.kind === 'form' && { schema: shape.schema }),
    // An `expiresAt` that is not a valid time means no timeout.
    ...(timeoutMs && { timeoutMs: Math.min(timeoutMs, MAX_TIMEOUT_MS), defaultOnTimeout: 'cancel' as const }),
  }
}

/** The answer in the form that the agent takes. If it is missing or came too late, the interrupt is cancelled. */
export function resumeOf(interrupt: Interrupt, answer: InteractionAnswer | undefined): ResumeEntry {
  const { id: interruptId } = interrupt
  if (answer === undefined || answer.expired || answer.optionId === CANCEL.id)
    return { interruptId, status: 'cancelled' }
  return { interruptId, status: 'resolved', payload: payloadOf(shapeOf(interrupt), answer) }
}

function payloadOf(shape: Shape, { optionId, text, answers }: InteractionAnswer): unknown {
  switch (shape.kind) {
    case 'permission': {
      const approved = optionId === 'allow'
      return shape.isPlain ? approved : { approved, ...(text && { reason: text }) }
    }
    case 'choice':
      return optionId === undefined ? (text ?? answers ?? null) : (shape.values[Number(optionId.slice(1))] ?? null)
    case 'form':
    case 'text':
      return answers ?? text ?? null
  }
}

function optionsOf(shape: Shape): Option[] {
  switch (shape.kind) {
    case 'permission':
      return [
        { id: 'allow', label: 'Allow', effect: 'allow', scope: 'once' },
        { id: 'deny', label: 'Deny', effect: 'deny', scope: 'once' },
      ]
    case 'choice': {
      const choices = shape.values.map(
        (value, i): Option => ({ id: `o${i}`, label: value.slice(0, MAX_TITLE_CHARS) || '(empty)', effect: 'allow' }),
      )
      return [...choices, CANCEL]
    }
    case 'form':
    case 'text':
      return [CANCEL]
  }
}

function shapeOf({ reason, responseSchema }: Interrupt): Shape {
  const schema = responseSchema as Schema | undefined
  if (schema === undefined) {
    if (reason === 'tool_call') return { kind: 'permission', isPlain: false }
    // AG-UI: "boolean default".
    return reason === 'confirmation' ? { kind: 'permission', isPlain: true } : { kind: 'text' }
  }
  const { type, properties } = schema
  if (type === 'boolean') return { kind: 'permission', isPlain: true }
  const values = schema.enum
  if (Array.isArray(values) && values.length <= MAX_CHOICES && values.every(value => typeof value === 'string')) {
    return { kind: 'choice', values }
  }
  if (!isObject(properties)) return { kind: 'text' }
  return isApproval(schema, properties) ? { kind: 'permission', isPlain: false } : { kind: 'form', schema }
}

/** Whether a yes or no is enough: all other fields, such as edited arguments, are optional. */
function isApproval({ required }: Schema, { approved }: Record<string, unknown>): boolean {
  if (!isObject(approved) || approved.type !== 'boolean') return false
  return !Array.isArray(required) || required.every(name => name === 'approved')
}

/** `langgraph:database_modification` → `The agent asks: database modification`. */
const describe = (reason: string): string =>
  `The agent asks: ${(reason.split(':').at(-1) ?? reason).replaceAll(/[_-]+/g, ' ')}`
