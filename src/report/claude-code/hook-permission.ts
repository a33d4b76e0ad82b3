import type { AgentPayloads } from '@fleetwire/protocol'
import { isObject } from '../../is-object.ts'
import { shortText } from '../../short-text.ts'
import { subjectDigest } from '../../subject-digest.ts'
import type { Answer } from '../report-client.ts'
import { shorten } from '../shorten.ts'
import { type HookInput, idOf } from './hook-input.ts'
import { toolTitle } from './hook-reports.ts'

type Question = AgentPayloads['interaction:request']
type Option = Question['options'][number]
/** What a hook prints. Undefined: nothing, so that the program's own prompt decides. */
export type HookOutput = Record<string, unknown> | undefined

export interface Permission {
  question: Question
  /** Handles any answer: unless it clearly answers this question, the decision is left to the program. */
  output(answer: Answer | undefined): HookOutput
}

/** Before a tool runs (`PreToolUse`), or when Claude Code is about to show its own prompt (`PermissionRequest`). */
type Event = 'PreToolUse' | 'PermissionRequest'

const MAX_PREVIEW_CHARS = 16 * 1024
const MAX_SUGGESTIONS = 8
const MAX_LABEL_CHARS = 200
const DENIED = 'A person denied this in Fleetwire.'
const UNDECIDED = 'Nobody has answered in Fleetwire.'

/** Turns a hook's permission request into a question, and answers into hook output. Pure. */
export function permissionOf(
  input: HookInput,
  { interactionId, timeoutMs }: { interactionId: string; timeoutMs: number },
): Permission {
  const event: Event = input.hook_event_name === 'PreToolUse' ? 'PreToolUse' : 'PermissionRequest'
  const sessionId = idOf(input.session_id)
  const digest = subjectDigest([input.tool_name, input.tool_input])
  const shown = preview(input)
  const asked = questionsOf(input)
  const choices = asked === undefined ? permission(input, event) : choice(asked)
  const question: Question = {
    interactionId,
    ...(sessionId !== undefined && { sessionId }),
    title: toolTitle(input),
    // Warns people who cannot see in full what they would allow.
    risk: shown.endsWith('…') ? 'high' : 'unknown',
    ...choices.question,
    subject: { type: subjectType(input), preview: shown, digest },
    timeoutMs,
    // Not "deny": after the timeout, the program asks at its own prompt.
    defaultOnTimeout: 'cancel',
  }
  return {
    question,
    output: answer => {
      const decision =
        answer === undefined || answer.expired || answer.digest !== digest ? undefined : choices.decide(answer)
      return outputs[event](decision)
    },
  }
}

interface Decision {
  behavior: 'allow' | 'deny'
  message?: string
  updatedInput?: unknown
  updatedPermissions?: unknown[]
}

/**
 * The two output formats of Claude Code. Without a decision its own prompt must appear, which PreToolUse has to
 * request.
 */
const outputs: { [K in Event]: (decision: Decision | undefined) => HookOutput } = {
  PermissionRequest: decision => decision && { hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } },
  PreToolUse: decision => ({
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: decision?.behavior ?? 'ask',
      permissionDecisionReason:
        decision === undefined ? UNDECIDED : (decision.message ?? 'A person allowed this in Fleetwire.'),
      ...(decision?.updatedInput !== undefined && { updatedInput: decision.updatedInput }),
    },
  }),
}

interface Choices {
  question: Pick<Question, 'kind' | 'options'> & Partial<Question>
  decide(answer: Answer): Decision | undefined
}

const denyOption = (label: string): Option => ({ id: 'deny', label, effect: 'deny', scope: 'once' })

function permission(input: HookInput, event: Event): Choices {
  const isPlan = input.tool_name === 'ExitPlanMode'
  const always = event === 'PermissionRequest' ? suggestionsOf(input) : []
  const options: Option[] = [
    { id: 'allow', label: isPlan ? 'Yes, carry out the plan' : 'Allow', effect: 'allow', scope: 'once' },
    ...always.map(({ option }) => option),
    denyOption(isPlan ? 'No, keep planning' : 'Deny'),
  ]
  // Claude Code accepts the approval of a tool that needs a person only together with the tool's input.
  const updated = isPlan ? { updatedInput: input.tool_input } : {}
  return {
    question: { kind: 'permission', options, ...describe(input) },
    decide: ({ optionId, text }) => {
      if (optionId === 'deny') return { behavior: 'deny', message: text?.trim() || DENIED }
      if (optionId === 'allow') return { behavior: 'allow', ...updated }
      const suggestion = always.find(({ option }) => option.id === optionId)
      return suggestion && { behavior: 'allow', ...updated, updatedPermissions: [suggestion.update] }
    },
  }
}

function describe({ tool_input }: HookInput): { description?: string } {
  const { description, plan } = isObject(tool_input) ? tool_input : {}
  const text = typeof plan === 'string' ? plan : description
  return typeof text === 'string' && text !== '' ? { description: shortText(text, MAX_PREVIEW_CHARS) } : {}
}

/** The "always allow" changes that Claude Code offers at its own prompt. */
function suggestionsOf({ permission_suggestions: all }: HookInput): { option: Option; update: unknown }[] {
  if (!Array.isArray(all)) return []
  return all.slice(0, MAX_SUGGESTIONS).flatMap((update, i) => {
    const label = isObject(update) ? wordsFor(update) : undefined
    // A change that cannot be described in full is not offered: nobody should grant more than they can read.
    if (label === undefined || label.length > MAX_LABEL_CHARS || !isObject(update)) return []
    const scope = update.destination === 'session' ? 'session' : 'always'
    return [{ option: { id: `always-${i + 1}`, label, effect: 'allow', scope }, update }]
  })
}

/**
 * Describes a change that grants no more than its label says. Others get no label, such as a mode that never asks
 * again.
 */
function wordsFor(update: Record<string, unknown>): string | undefined {
  const where = update.destination === 'session' ? 'in this session' : 'always'
  const { type, behavior, rules, directories, mode } = update
  if (type === 'addRules' && behavior === 'allow' && Array.isArray(rules) && rules.every(isRule))
    return `Allow ${rules.map(({ toolName, ruleContent }) => (ruleContent ? `${toolName}(${ruleContent})` : toolName)).join(', ')} ${where}`
  if (type === 'addDirectories' && Array.isArray(directories) && directories.every(path => typeof path === 'string'))
    return `Allow work in ${directories.join(', ')} ${where}`
  return type === 'setMode' && mode === 'acceptEdits' ? `Allow all edits ${where}` : undefined
}

const isRule = (rule: unknown): rule is { toolName: string; ruleContent?: string } =>
  isObject(rule) &&
  typeof rule.toolName === 'string' &&
  (rule.ruleContent === undefined || typeof rule.ruleContent === 'string')

interface Asked {
  input: Record<string, unknown>
  questions: { question: string; labels: string[]; multiSelect: boolean }[]
}

/** The questions of AskUserQuestion; undefined for any other tool or if they have an unknown form. */
function questionsOf({ tool_name, tool_input }: HookInput): Asked | undefined {
  if (tool_name !== 'AskUserQuestion' || !isObject(tool_input) || !Array.isArray(tool_input.questions)) return undefined
  const questions = tool_input.questions.map(asked => {
    const { question, options, multiSelect } = isObject(asked) ? asked : {}
    const labels = Array.isArray(options) ? options.map(option => (isObject(option) ? option.label : undefined)) : []
    const isUsable =
      typeof question === 'string' && labels.length > 0 && labels.every(label => typeof label === 'string')
    return isUsable ? { question, labels: labels as string[], multiSelect: multiSelect === true } : undefined
  })
  if (questions.length === 0 || questions.some(asked => asked === undefined)) return undefined
  return { input: tool_input, questions: questions as Asked['questions'] }
}

function choice({ input, questions }: Asked): Choices {
  const answered = (answers: Record<string, string>): Decision => ({
    behavior: 'allow',
    updatedInput: { ...input, answers },
  })
  const denied: Decision = { behavior: 'deny', message: 'A person declined to answer in Fleetwire.' }
  const [first] = questions
  if (questions.length === 1 && first !== undefined && !first.multiSelect && first.labels.length < 30) {
    const options = first.labels.map(
      (label, i): Option => ({ id: `choice-${i + 1}`, label: shortText(label, 500), effect: 'allow', scope: 'once' }),
    )
    return {
      question: {
        kind: 'question',
        title: shortText(first.question, 500),
        options: [...options, denyOption('Do not answer')],
      },
      decide: ({ optionId, text }) => {
        if (optionId === 'deny') return denied
        const label = first.labels[options.findIndex(({ id }) => id === optionId)] ?? text?.trim()
        return label ? answered({ [first.question]: label }) : undefined
      },
    }
  }
  return {
    question: {
      kind: 'form',
      title: shortText(questions.map(({ question }) => question).join(' '), 500),
      options: [denyOption('Do not answer')],
      schema: formOf(questions),
    },
    decide: ({ optionId, answers }) => {
      if (optionId === 'deny') return denied
      const given = questions.map(({ question }, i) => [question, joined(answers?.[`q${i + 1}`])] as const)
      return given.every(([, text]) => text !== '') ? answered(Object.fromEntries(given)) : undefined
    },
  }
}

function formOf(questions: Asked['questions']): object {
  const fields = questions.map(({ question, labels, multiSelect }, i) => {
    const several = { description: `One or more of: ${labels.join(', ')}; separated by commas` }
    return [`q${i + 1}`, { title: question, type: 'string', ...(multiSelect ? several : { enum: labels }) }] as const
  })
  return { type: 'object', required: fields.map(([name]) => name), properties: Object.fromEntries(fields) }
}

/** Claude Code joins several choices with commas. */
const joined = (value: unknown): string =>
  Array.isArray(value)
    ? value.filter(item => typeof item === 'string').join(', ')
    : typeof value === 'string'
      ? value.trim()
      : ''

function subjectType({ tool_name }: HookInput): string {
  if (tool_name === 'Bash' || tool_name === 'PowerShell') return 'command'
  return /^(?:Edit|MultiEdit|Write|NotebookEdit)$/.test(tool_name ?? '') ? 'diff' : 'tool'
}

function preview({ tool_input }: HookInput): string {
  const input = isObject(tool_input) ? tool_input : undefined
  if (typeof input?.command === 'string') return shortText(input.command, MAX_PREVIEW_CHARS)
  return shortText(JSON.stringify(shorten(tool_input), null, 2) ?? '', MAX_PREVIEW_CHARS)
}
